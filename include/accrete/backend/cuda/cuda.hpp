/// All of the CUDA backend.
#pragma once

#include <accrete/backend/cuda/adamw.hpp>
#include <accrete/backend/cuda/backend.hpp>
#include <accrete/backend/cuda/causal_attention.hpp>
#include <accrete/backend/cuda/cross_entropy.hpp>
#include <accrete/backend/cuda/embedding.hpp>
#include <accrete/backend/cuda/expert_weights.hpp>
#include <accrete/backend/cuda/fill_zero.hpp>
#include <accrete/backend/cuda/fused_linear.hpp>
#include <accrete/backend/cuda/gelu.hpp>
#include <accrete/backend/cuda/layer_norm.hpp>
#include <accrete/backend/cuda/linear.hpp>
#include <accrete/backend/cuda/low_rank.hpp>
#include <accrete/backend/cuda/mixture.hpp>
#include <accrete/backend/cuda/residual_add.hpp>
#include <accrete/backend/cuda/rms_norm.hpp>
#include <accrete/backend/cuda/rotary.hpp>
#include <accrete/backend/cuda/sample.hpp>
#include <accrete/backend/cuda/scaled_rows.hpp>
#include <accrete/backend/cuda/squared_norm.hpp>
#include <accrete/backend/cuda/swiglu.hpp>
#include <accrete/backend/cuda/token_scaled_linear.hpp>
