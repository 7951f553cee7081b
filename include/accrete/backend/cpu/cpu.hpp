/// All of the CPU backend.
#pragma once

#include <accrete/backend/cpu/adamw.hpp>
#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/causal_attention.hpp>
#include <accrete/backend/cpu/cross_entropy.hpp>
#include <accrete/backend/cpu/embedding.hpp>
#include <accrete/backend/cpu/expert_weights.hpp>
#include <accrete/backend/cpu/fill_zero.hpp>
#include <accrete/backend/cpu/gelu.hpp>
#include <accrete/backend/cpu/layer_norm.hpp>
#include <accrete/backend/cpu/linear.hpp>
#include <accrete/backend/cpu/low_rank.hpp>
#include <accrete/backend/cpu/mixture.hpp>
#include <accrete/backend/cpu/residual_add.hpp>
#include <accrete/backend/cpu/rms_norm.hpp>
#include <accrete/backend/cpu/rotary.hpp>
#include <accrete/backend/cpu/scaled_rows.hpp>
#include <accrete/backend/cpu/squared_norm.hpp>
#include <accrete/backend/cpu/swiglu.hpp>
#include <accrete/backend/cpu/token_scaled_linear.hpp>
