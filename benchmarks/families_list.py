"""Which families `benchmarks/families.py` tries, and how each is made small."""

from __future__ import annotations

from typing import Any

# Set wherever a configuration has a whole number of that name.
SIZES: dict[str, int] = {
    **dict.fromkeys(
        "hidden_size d_model n_embd dim embed_dim embedding_size emb_dim word_embed_proj_dim rnn_hidden_size".split(),
        16,
    ),
    **dict.fromkeys("num_hidden_layers n_layer n_layers num_layers encoder_layers".split(), 3),
    **dict.fromkeys("decoder_layers num_decoder_layers num_attention_heads n_head n_heads num_heads".split(), 2),
    **dict.fromkeys("encoder_attention_heads decoder_attention_heads num_key_value_heads expand".split(), 2),
    **dict.fromkeys("num_experts_per_tok num_attention_groups".split(), 2),
    **dict.fromkeys("intermediate_size hidden_dim ffn_dim d_ff d_inner n_inner encoder_ffn_dim".split(), 32),
    **dict.fromkeys("decoder_ffn_dim moe_intermediate_size ffn_hidden_size image_size".split(), 32),
    **dict.fromkeys("head_dim d_kv d_head sliding_window state_size ssm_state_size patch_size".split(), 8),
    **dict.fromkeys("q_lora_rank kv_lora_rank v_head_dim".split(), 8),
    **dict.fromkeys("rotary_dim num_experts num_local_experts n_routed_experts time_step_rank".split(), 4),
    **dict.fromkeys("qk_rope_head_dim qk_nope_head_dim attention_window".split(), 4),
    **dict.fromkeys("max_position_embeddings n_positions max_seq_len".split(), 64),
    **{"vocab_size": 60, "num_channels": 3, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2},
    "num_key_value_groups": 1,
}
_SOUND = {"conv_dim": (8, 8), "conv_stride": (5, 4), "conv_kernel": (10, 8), "num_feat_extract_layers": 2}
_SOUND |= {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "mask_time_prob": 0.0}
_STAGES = {"embed_dim": 8, "depths": [1, 1, 1], "num_heads": [1, 2, 2], "window_size": 2, "patch_size": 4}
NO_EMBEDDING = ("falcon_mamba", "mamba", "pvt", "rwkv")  # whose hidden states begin with what block 1 puts out
UNITS_LAST = ("sam_vision_model",)  # maps in the hidden states
_OWN: dict[str, dict[str, Any]] = {
    "esm": {"position_embedding_type": "rotary", "mask_token_id": 59, "vocab_size": 60, "pad_token_id": 1}
    | {"token_dropout": True},
    "gpt_neo": {"attention_types": [[["global"], 3]], "num_layers": 3},
    "swin": _STAGES,
    "swinv2": _STAGES,
    "convnext": {"hidden_sizes": [8, 12, 16], "depths": [1, 1, 1], "num_stages": 3},
    "convnextv2": {"hidden_sizes": [8, 12, 16], "depths": [1, 1, 1], "num_stages": 3},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 12, 16], "depths": [1, 1, 1]},
    "regnet": {"embedding_size": 8, "hidden_sizes": [8, 16, 16], "depths": [1, 1, 1], "groups_width": 8},
    "poolformer": {"hidden_sizes": [8, 12, 16], "depths": [2, 1, 2], "num_encoder_blocks": 3},
    "segformer": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_encoder_blocks": 2, "sr_ratios": [2, 1]},
    "pvt": {"hidden_sizes": [8, 16], "depths": [2, 2], "num_encoder_blocks": 2, "sequence_reduction_ratios": [2, 1]},
    "yolos": {"image_size": [32, 32], "num_detection_tokens": 5},
    "hubert": _SOUND,
    "wav2vec2": _SOUND,
    "wavlm": {**_SOUND, "num_buckets": 8, "max_bucket_distance": 16},
    "unispeech": {**_SOUND, "num_codevectors_per_group": 4, "codevector_dim": 8, "proj_codevector_dim": 8},
    "data2vec-audio": {**_SOUND, "conv_pos_kernel_size": 3, "num_conv_pos_embeddings": 1},
    "sew": {**_SOUND, "squeeze_factor": 2},
    "vit_mae": {
        "mask_ratio": 0.0,
        "decoder_hidden_size": 16,
        "decoder_num_hidden_layers": 1,
        "decoder_intermediate_size": 16,
    },
    "audio-spectrogram-transformer": {"max_length": 32, "num_mel_bins": 16},
    "xlnet": {"d_inner": 32, "n_layer": 3},
    "funnel": {"block_sizes": [2, 2], "block_repeats": [1, 1], "d_inner": 32, "num_decoder_layers": 2},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "reformer": {"attn_layers": ["local", "local"], "axial_pos_embds": False, "local_attn_chunk_length": 64},
    "sam_vision_model": {"output_channels": 8, "mlp_dim": 32, "window_size": 2, "global_attn_indexes": [1]},
    "mt5": {"num_layers": 3},
    "layoutlmv3": {"visual_embed": False, "coordinate_size": 2, "shape_size": 4},
}
# Tokens before and after those of the patches, by the papers.
SPECIAL: dict[str, tuple[int, int]] = {
    **dict.fromkeys("vit dinov2 beit data2vec-vision clip_vision_model chinese_clip_vision_model".split(), (1, 0)),
    **dict.fromkeys("vit_mae vit_msn internvl_vision mlcd mlcd_vision_model dpt".split(), (1, 0)),
    **{"deit": (2, 0), "dinov2_with_registers": (5, 0), "dinov3_vit": (1, 0), "yolos": (1, 5), "pixio": (8, 0)},
}
TEXTS = """
albert apertus arcee aria_text bart bert bert-generation big_bird biogpt bitnet bloom camembert canine
clip_text_model cohere cohere2 convbert cpmant ctrl cwm data2vec-text deberta deberta-v2 diffllama distilbert
doge dpr electra ernie ernie4_5 ernie4_5_moe esm esmc eurobert exaone4 falcon falcon_mamba flaubert flex_olmo
fnet fsmt funnel gemma gemma2 gemma3_text glm glm4 glm4_moe gpt-sw3 gpt2 gpt_bigcode gpt_neo gpt_neox
gpt_neox_japanese gpt_oss gptj granite granitemoe gte helium hrm_text ibert internlm3 jetmoe jina_embeddings_v3
layoutlm led lfm2 llama llama4_text longformer mamba markuplm mbart megatron-bert minicpm3 minimax mistral
mixtral mobilebert modernbert modernbert-decoder mpnet mpt mra mvp nanochat nemotron_h nomic_bert nystromformer
olmo olmo2 olmo3 olmoe openai-gpt opt persimmon phi phi3 phimoe plbart qwen2 qwen2_moe qwen3 qwen3_moe
recurrent_gemma reformer rembert roberta roberta-prelayernorm roc_bert roformer rwkv seed_oss siglip_text_model
smollm3 squeezebert stablelm starcoder2 t5 umt5 xglm xlm xlm-roberta xlm-roberta-xl xlnet xmod yoso
""".split()
IMAGES = """
aimv2_vision_model beit chinese_clip_vision_model clip_vision_model convnext convnextv2 data2vec-vision deit
dinov2 dinov2_with_registers dinov3_vit dpt focalnet ijepa internvl_vision mlcd_vision_model mobilenet_v2 pixio
poolformer pvt regnet resnet sam_vision_model segformer siglip_vision_model swin swinv2 vit vit_mae vit_msn
yolos
""".split()
SOUNDS = "data2vec-audio hubert sew unispeech wav2vec2 wavlm".split()


def settings(family: str) -> dict[str, Any]:
    """What a family needs beside the sizes."""
    return _OWN.get(family, {})
