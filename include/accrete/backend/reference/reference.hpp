/// All of the reference backend.
#pragma once

#include <accrete/backend/reference/adamw.hpp>
#include <accrete/backend/reference/backend.hpp>
#include <accrete/backend/reference/causal_attention.hpp>
#include <accrete/backend/reference/cross_entropy.hpp>
#include <accrete/backend/reference/embedding.hpp>
#include <accrete/backend/reference/expert_weights.hpp>
#include <accrete/backend/reference/fill_zero.hpp>
#include <accrete/backend/reference/gelu.hpp>
#include <accrete/backend/reference/layer_norm.hpp>
#include <accrete/backend/reference/linear.hpp>
#include <accrete/backend/reference/low_rank.hpp>
#include <accrete/backend/reference/mixture.hpp>
#include <accrete/backend/reference/residual_add.hpp>
#include <accrete/backend/reference/rms_norm.hpp>
#include <accrete/backend/reference/rotary.hpp>
#include <accrete/backend/reference/scaled_rows.hpp>
#include <accrete/backend/reference/squared_norm.hpp>
#include <accrete/backend/reference/swiglu.hpp>
#include <accrete/backend/reference/token_scaled_linear.hpp>
