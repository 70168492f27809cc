"""How far what a sample gets depends on the others of its batch."""

import numpy as np


def check_batches(network, samples, layers, pooling):
    """By layer the greatest ‖together − alone‖ / ‖alone‖ of a sample, however small it is."""
    together, alone = (
        dict(network.blocks(samples, layers, pooling, block_rows=len(samples), batch_size=size))[0]
        for size in (len(samples), 1)
    )

    def difference(name):
        change, size = (np.linalg.norm(x, axis=1) for x in (together[name] - alone[name], alone[name]))
        return float(np.where(change == 0, 0, change / np.maximum(size, np.finfo(np.float32).tiny)).max())

    return {name: difference(name) for name in together}
