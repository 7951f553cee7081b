/// Attention of one new token, spread over blocks by cached positions: a block attends to a chunk of them, then the chunks
/// are put together.
#pragma once

#include <accrete/backend/cuda/attention_tile.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// Chunks of positions of a head of up to `Width` channels; their size depends on nothing else, so that neither do the bits
/// of what is computed.
template <int Width>
struct AttentionChunk {
  static constexpr int threads = 256;
  static constexpr int rows = 2048 / Width;
  static constexpr int stride = Width + 1;        // odd: rows start in different banks
  static constexpr int slices = threads / Width;  // of the rows, when they are summed up
};

/// What the chunks of a head found: numbers relative to exp(greatest score of the chunk).
template <class Real>
struct AttentionParts {
  Real* values;          // (B,H,chunks,D): sums of exp(score) times the row of v
  Real *greatest, *sum;  // (B,H,chunks): scores, and sums of exp(score)
  Index chunks;          // that the cache has room for
};

/// A block for each chunk of each head; those beyond the sequence's position do nothing. The block whose chunk holds the
/// position takes key and value of the new token from qkv and puts them into the cache.
template <class T, int Width>
struct AttendToChunk {
  using Chunk = AttentionChunk<Width>;
  using Real = Compute<T>;
  static constexpr int threads = Chunk::threads, rows = Chunk::rows, stride = Chunk::stride;
  static constexpr Index shared_bytes =
      (2 * rows * stride + Width + rows + threads) * Index{sizeof(Real)};
  T const* qkv;            // (B,1,3,H,D)
  T *keys, *values;        // (B,H,T_max,D)
  Index const* positions;  // (B)
  AttentionParts<Real> parts;
  Index heads, width, capacity;
  Real scale;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const head = policy.block() / parts.chunks, chunk = policy.block() % parts.chunks;
    Index const h = head % heads, b = head / heads;
    Index const first = chunk * rows, position = positions[b];
    if (first > position) return;
    int const count = position - first < rows ? static_cast<int>(position - first) + 1 : rows;
    T const* const query = qkv + (b * 3 * heads + h) * width;

    Real* const q = policy.template shared<Real>(Width);
    Real* const k = policy.template shared<Real>(rows * stride);
    Real* const v = policy.template shared<Real>(rows * stride);
    Real* const p = policy.template shared<Real>(rows);
    Real* const sums = policy.template shared<Real>(threads);
    PerThread<Real, Policy> value;
    policy.phase([&](int thread) {
      if (thread < Width) q[thread] = thread < width ? real(query[thread]) : Real{0};
      for (int step = 0; step < rows * Width / threads; ++step) {
        int const i = thread + step * threads, row = i / Width, d = i % Width;
        bool const inside = row < count && d < width;
        Index const place = (head * capacity + first + row) * width + d;
        T key{}, content{};
        if (inside && first + row < position) {
          key = keys[place];
          content = values[place];
        } else if (inside) {
          key = keys[place] = query[heads * width + d];
          content = values[place] = query[2 * heads * width + d];
        }
        k[row * stride + d] = real(key);
        v[row * stride + d] = real(content);
      }
    });
    policy.phase([&](int row) {
      value[row] = row < count ? scale * dot_rows<Width>(q, k + row * stride) : least_number<Real>;
    });
    Real const greatest = policy.reduce(value, Greatest{});
    policy.phase([&](int row) {
      value[row] = row < count ? std::exp(value[row] - greatest) : Real{0};
      if (row < rows) p[row] = value[row];
    });
    Real const sum = policy.reduce(value, Sum{});
    policy.phase([&](int thread) {
      Real attended{0};
      for (int row = thread / Width; row < count; row += Chunk::slices)
        attended += p[row] * v[row * stride + thread % Width];
      sums[thread] = attended;
    });
    policy.phase([&](int d) {
      Index const part = head * parts.chunks + chunk;
      if (d == 0) {
        parts.greatest[part] = greatest;
        parts.sum[part] = sum;
      }
      if (d >= width) return;
      Real attended{0};
      for (int slice = 0; slice < Chunk::slices; ++slice) attended += sums[slice * Width + d];
      parts.values[part * width + d] = attended;
    });
  }
};

/// out (B,1,H,D) from the chunks up to each sequence's position, a thread for each number.
template <class T>
struct JoinChunks {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  AttentionParts<Real> parts;
  Index const* positions;  // (B)
  T* out;
  Index batch, heads, width, rows_of_chunk;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(batch * heads * width, [&](Index i) {
      Index const head = i / width, first = head * parts.chunks;
      Index const end = first + positions[head / heads] / rows_of_chunk + 1;
      Real greatest = least_number<Real>;
      for (Index part = first; part < end; ++part)
        greatest = parts.greatest[part] < greatest ? greatest : parts.greatest[part];
      Real value{0}, sum{0};
      for (Index part = first; part < end; ++part) {
        Real const factor = std::exp(parts.greatest[part] - greatest);
        value += factor * parts.values[part * width + i % width];
        sum += factor * parts.sum[part];
      }
      out[i] = static_cast<T>(value / sum);
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE
