/// The forward kernel of causal attention: a block for a tile of queries of one head, which walks over tiles of keys.
#pragma once

#include <accrete/backend/cuda/attention_tile.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// Query t of sequence b sees the keys [0, positions[b] + t]. Scores are rescaled as greater ones come (Milakov,
/// Gimelshein, arXiv 1805.02867; Dao, arXiv 2307.08691). A query's numbers depend on its keys alone, in the order of tiles
/// from key 0: neither on the other queries of its tile nor on the batch.
template <class T, int Width>
struct AttentionForward {
  using Tile = AttentionTile<Width>;
  using Real = Compute<T>;
  using Share = TileShare<Real, Tile::per_thread>;
  static constexpr int threads = Tile::threads;
  static constexpr Index shared_bytes = Tile::numbers(3, 1, 4) * Index{sizeof(Real)};

  HeadRows<T const> queries, keys, values;
  HeadRows<T> out;
  Real* log_sum_exp;       // (B,H,T) or null
  Index const* positions;  // (B) or null
  Index batch, time, heads, width;
  Real scale;

  [[nodiscard]] Index blocks() const {
    return batch * heads * ((time + Tile::rows - 1) / Tile::rows);
  }

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    constexpr int rows = Tile::rows;
    constexpr Real least = least_number<Real>;
    Index const tiles = (time + rows - 1) / rows;
    Index const h = policy.block() / tiles % heads, b = policy.block() / tiles / heads;
    Index const first = (tiles - 1 - policy.block() % tiles) * rows;  // long walks start first
    Index const position = positions == nullptr ? 0 : positions[b];
    Index const visible = position + (first + rows < time ? first + rows : time);

    Real* const q = policy.template shared<Real>(rows * Tile::stride);
    Real* const k = policy.template shared<Real>(rows * Tile::stride);
    Real* const v = policy.template shared<Real>(rows * Tile::stride);
    Real* const p = policy.template shared<Real>(rows * Tile::score_stride);
    Real* const greatest = policy.template shared<Real>(rows);
    Real* const sum = policy.template shared<Real>(rows);
    Real* const factor = policy.template shared<Real>(rows);
    PerThread<Share, Policy> attended;

    /// How many keys of the tile that begins at `key` row r sees.
    auto const seen = [&](int r, Index key) {
      Index const count = first + r < time ? position + first + r + 1 - key : 0;
      return static_cast<int>(count < 0 ? 0 : count < rows ? count : rows);
    };

    policy.phase([&](int thread) {
      load_rows<Width>(thread, queries, b, h, first, time, width, q);
      for (Real& value : attended[thread].values) value = 0;
      if (thread < rows) {
        greatest[thread] = least;
        sum[thread] = 0;
      }
    });
    for (Index key = 0; key < visible; key += rows) {
      policy.phase([&](int thread) {
        load_rows<Width>(thread, keys, b, h, key, visible, width, k);
        load_rows<Width>(thread, values, b, h, key, visible, width, v);
      });
      policy.phase([&](int thread) {
        for (int i = thread; i < rows * rows; i += threads) {
          int const r = i / rows, j = i % rows;
          if (j < seen(r, key))
            p[r * Tile::score_stride + j] =
                scale * dot_rows<Width>(q + r * Tile::stride, k + j * Tile::stride);
        }
      });
      policy.phase([&](int r) {
        if (r >= rows) return;
        Real* const row = p + r * Tile::score_stride;
        int const count = seen(r, key);
        Real most = greatest[r];
        for (int j = 0; j < count; ++j) most = row[j] > most ? row[j] : most;
        factor[r] = std::exp(greatest[r] - most);
        Real total = sum[r] * factor[r];
        for (int j = 0; j < count; ++j) {
          row[j] = std::exp(row[j] - most);
          total += row[j];
        }
        greatest[r] = most;
        sum[r] = total;
      });
      policy.phase([&](int thread) {
        for (int i = 0; i < Tile::per_thread; ++i) {
          int const place = thread + i * threads, r = place / Width, d = place % Width;
          Real value = attended[thread].values[i] * factor[r];
          int const count = seen(r, key);
          for (int j = 0; j < count; ++j)
            value += p[r * Tile::score_stride + j] * v[j * Tile::stride + d];
          attended[thread].values[i] = value;
        }
      });
    }
    policy.phase([&](int thread) {
      for (int i = 0; i < Tile::per_thread; ++i) {
        int const place = thread + i * threads, r = place / Width, d = place % Width;
        if (first + r < time && d < width)
          out.at(b, first + r, h)[d] = static_cast<T>(attended[thread].values[i] / sum[r]);
      }
      if (thread < rows && first + thread < time && log_sum_exp != nullptr)
        log_sum_exp[(b * heads + h) * time + first + thread] =
            greatest[thread] + std::log(sum[thread]);
    });
  }
};

/// Puts the keys and values of n further tokens into the cache.
template <class T>
struct AppendToCache {
  static constexpr int threads = 256;
  T const* qkv;            // (B,n,3,H,D)
  T *keys, *values;        // (B,H,T_max,D)
  Index const* positions;  // (B)
  Index batch, time, heads, width, capacity;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(batch * time * heads * width, [&](Index i) {
      Index const d = i % width, h = i / width % heads;
      Index const t = i / width / heads % time, b = i / width / heads / time;
      T const* const from = qkv + (((b * time + t) * 3 + 1) * heads + h) * width + d;
      Index const to = ((b * heads + h) * capacity + positions[b] + t) * width + d;
      keys[to] = from[0];
      values[to] = from[heads * width];
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE
