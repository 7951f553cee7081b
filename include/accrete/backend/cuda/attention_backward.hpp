/// The backward kernels of causal attention. Each sum belongs to one block, so that no order depends on chance: scores are
/// computed twice instead, once for the gradients of queries and once for those of keys and values.
#pragma once

#include <accrete/backend/cuda/attention_tile.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// What both kernels read. All rows have the strides of qkv (B,T,3,H,D) or of out (B,T,H,D).
template <class T>
struct AttentionGradientInputs {
  using Real = Compute<T>;
  HeadRows<T const> queries, keys, values, grad_out;
  Real const* log_sum_exp;   // (B,H,T)
  Real const* grad_dot_out;  // (B,H,T)
  Index batch, time, heads, width;
  Real scale;
};

/// grad_dot_out[b,h,t] = grad_out[b,t,h,:] . out[b,t,h,:]
template <class T>
struct GradDotOut {
  static constexpr int threads = 256;
  T const *grad_out, *out;
  Compute<T>* result;
  Index batch, time, heads, width;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(batch * time * heads, [&](Index i) {
      Compute<T> sum{0};
      for (Index d = 0; d < width; ++d)
        sum += real(grad_out[i * width + d]) * real(out[i * width + d]);
      Index const h = i % heads, t = i / heads % time, b = i / heads / time;
      result[(b * heads + h) * time + t] = sum;
    });
  }
};

/// A block for a tile of queries: grad_q[t] = sum_s ds[t,s] k[s].
template <class T, int Width>
struct AttentionGradQueries {
  using Tile = AttentionTile<Width>;
  using Real = Compute<T>;
  using Share = TileShare<Real, Tile::per_thread>;
  static constexpr int threads = Tile::threads;
  static constexpr Index shared_bytes = Tile::numbers(4, 1, 2) * Index{sizeof(Real)};

  AttentionGradientInputs<T> in;
  HeadRows<T> grad_queries;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    constexpr int rows = Tile::rows;
    Index const tiles = (in.time + rows - 1) / rows;
    Index const h = policy.block() / tiles % in.heads, b = policy.block() / tiles / in.heads;
    Index const first = (tiles - 1 - policy.block() % tiles) * rows;
    Index const visible = first + rows < in.time ? first + rows : in.time;
    Index const statistics = (b * in.heads + h) * in.time;

    Real* const q = policy.template shared<Real>(rows * Tile::stride);
    Real* const g = policy.template shared<Real>(rows * Tile::stride);
    Real* const k = policy.template shared<Real>(rows * Tile::stride);
    Real* const v = policy.template shared<Real>(rows * Tile::stride);
    Real* const ds = policy.template shared<Real>(rows * Tile::score_stride);
    PerThread<Share, Policy> gradient;

    policy.phase([&](int thread) {
      load_rows<Width>(thread, in.queries, b, h, first, in.time, in.width, q);
      load_rows<Width>(thread, in.grad_out, b, h, first, in.time, in.width, g);
      for (Real& value : gradient[thread].values) value = 0;
    });
    for (Index key = 0; key < visible; key += rows) {
      policy.phase([&](int thread) {
        load_rows<Width>(thread, in.keys, b, h, key, visible, in.width, k);
        load_rows<Width>(thread, in.values, b, h, key, visible, in.width, v);
      });
      policy.phase([&](int thread) {
        for (int i = thread; i < rows * rows; i += threads) {
          int const r = i / rows, j = i % rows;
          Index const t = first + r;
          Real result{0};
          if (key + j <= t && t < in.time) {
            Real const score =
                in.scale * dot_rows<Width>(q + r * Tile::stride, k + j * Tile::stride);
            Real const probability = std::exp(score - in.log_sum_exp[statistics + t]);
            Real const grad_probability =
                dot_rows<Width>(g + r * Tile::stride, v + j * Tile::stride);
            result = in.scale * probability * (grad_probability - in.grad_dot_out[statistics + t]);
          }
          ds[r * Tile::score_stride + j] = result;
        }
      });
      policy.phase([&](int thread) {
        for (int i = 0; i < Tile::per_thread; ++i) {
          int const place = thread + i * threads, r = place / Width, d = place % Width;
          Real value = gradient[thread].values[i];
          for (int j = 0; j < rows; ++j)
            value += ds[r * Tile::score_stride + j] * k[j * Tile::stride + d];
          gradient[thread].values[i] = value;
        }
      });
    }
    policy.phase([&](int thread) {
      for (int i = 0; i < Tile::per_thread; ++i) {
        int const place = thread + i * threads, r = place / Width, d = place % Width;
        if (first + r < in.time && d < in.width)
          grad_queries.at(b, first + r, h)[d] = static_cast<T>(gradient[thread].values[i]);
      }
    });
  }
};

/// A block for a tile of keys: grad_k[s] = sum_t ds[t,s] q[t]; grad_v[s] = sum_t p[t,s] grad_out[t].
template <class T, int Width>
struct AttentionGradKeys {
  using Tile = AttentionTile<Width>;
  using Real = Compute<T>;
  using Share = TileShare<Real, Tile::per_thread>;
  static constexpr int threads = Tile::threads;
  static constexpr Index shared_bytes = Tile::numbers(4, 2, 0) * Index{sizeof(Real)};

  AttentionGradientInputs<T> in;
  HeadRows<T> grad_keys, grad_values;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    constexpr int rows = Tile::rows;
    Index const tiles = (in.time + rows - 1) / rows;
    Index const h = policy.block() / tiles % in.heads, b = policy.block() / tiles / in.heads;
    Index const key = policy.block() % tiles * rows;  // those seen by most queries come first
    Index const statistics = (b * in.heads + h) * in.time;

    Real* const q = policy.template shared<Real>(rows * Tile::stride);
    Real* const g = policy.template shared<Real>(rows * Tile::stride);
    Real* const k = policy.template shared<Real>(rows * Tile::stride);
    Real* const v = policy.template shared<Real>(rows * Tile::stride);
    Real* const p = policy.template shared<Real>(rows * Tile::score_stride);
    Real* const ds = policy.template shared<Real>(rows * Tile::score_stride);
    PerThread<Share, Policy> of_keys, of_values;

    policy.phase([&](int thread) {
      load_rows<Width>(thread, in.keys, b, h, key, in.time, in.width, k);
      load_rows<Width>(thread, in.values, b, h, key, in.time, in.width, v);
      for (Real& value : of_keys[thread].values) value = 0;
      for (Real& value : of_values[thread].values) value = 0;
    });
    for (Index first = key; first < in.time; first += rows) {
      policy.phase([&](int thread) {
        load_rows<Width>(thread, in.queries, b, h, first, in.time, in.width, q);
        load_rows<Width>(thread, in.grad_out, b, h, first, in.time, in.width, g);
      });
      policy.phase([&](int thread) {
        for (int i = thread; i < rows * rows; i += threads) {
          int const r = i / rows, j = i % rows;
          Index const t = first + r;
          Real probability{0}, result{0};
          if (key + j <= t && t < in.time) {
            Real const score =
                in.scale * dot_rows<Width>(q + r * Tile::stride, k + j * Tile::stride);
            probability = std::exp(score - in.log_sum_exp[statistics + t]);
            Real const grad_probability =
                dot_rows<Width>(g + r * Tile::stride, v + j * Tile::stride);
            result = in.scale * probability * (grad_probability - in.grad_dot_out[statistics + t]);
          }
          p[r * Tile::score_stride + j] = probability;
          ds[r * Tile::score_stride + j] = result;
        }
      });
      policy.phase([&](int thread) {
        for (int i = 0; i < Tile::per_thread; ++i) {
          int const place = thread + i * threads, j = place / Width, d = place % Width;
          Real of_key = of_keys[thread].values[i], of_value = of_values[thread].values[i];
          for (int r = 0; r < rows; ++r) {
            of_key += ds[r * Tile::score_stride + j] * q[r * Tile::stride + d];
            of_value += p[r * Tile::score_stride + j] * g[r * Tile::stride + d];
          }
          of_keys[thread].values[i] = of_key;
          of_values[thread].values[i] = of_value;
        }
      });
    }
    policy.phase([&](int thread) {
      for (int i = 0; i < Tile::per_thread; ++i) {
        int const place = thread + i * threads, j = place / Width, d = place % Width;
        if (key + j >= in.time || d >= in.width) continue;
        grad_keys.at(b, key + j, h)[d] = static_cast<T>(of_keys[thread].values[i]);
        grad_values.at(b, key + j, h)[d] = static_cast<T>(of_values[thread].values[i]);
      }
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE
