/// What the kernels of attention share: tiles of rows of one head in shared memory.
#pragma once

#include <accrete/backend/cuda/context.hpp>
#include <accrete/backend/cuda/numbers.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// Where the rows of a head stand: strides in elements.
template <class T>
struct HeadRows {
  T* data = nullptr;
  Index batch = 0, token = 0, head = 0;

  [[nodiscard]] ACCRETE_KERNEL T* at(Index b, Index t, Index h) const {
    return data + b * batch + t * token + h * head;
  }
};

/// Sizes of tiles of heads of up to `Width` channels; four such tiles of floats fit into 48 KiB.
template <int Width>
struct AttentionTile {
  static constexpr int threads = 256;
  static constexpr int rows = Width <= 64 ? 32 : 2048 / Width;
  static constexpr int stride = Width + 1;  // odd: rows start in different banks
  static constexpr int score_stride = rows + 1;
  static constexpr int per_thread = rows * Width / threads;

  /// Numbers of shared memory for some tiles of rows, of scores, and of one number a row.
  [[nodiscard]] static constexpr Index numbers(Index tiles, Index scores, Index vectors) {
    return padded(rows * stride) * tiles + padded(rows * score_stride) * scores +
           padded(rows) * vectors;
  }

 private:
  [[nodiscard]] static constexpr Index padded(Index count) { return (count + 3) / 4 * 4; }
};

/// A thread's share of a tile: elements thread, thread + 256, ...
template <class Real, std::size_t Count>
struct TileShare {
  Real values[Count];
};

/// Copies rows [begin, begin + rows) of a head to a tile; what lies beyond `end` or `width` is 0.
template <int Width, class T, class Real>
ACCRETE_KERNEL void load_rows(int thread, HeadRows<T const> const& from, Index b, Index h,
                              Index begin, Index end, Index width, Real* tile) {
  using Tile = AttentionTile<Width>;
  for (int i = thread; i < Tile::rows * Width; i += Tile::threads) {
    int const row = i / Width, d = i % Width;
    bool const inside = begin + row < end && d < width;
    tile[row * Tile::stride + d] = inside ? real(from.at(b, begin + row, h)[d]) : Real{0};
  }
}

template <int Width, class Real>
[[nodiscard]] ACCRETE_KERNEL Real dot_rows(Real const* a, Real const* b) {
  Real sum{0};
  for (int d = 0; d < Width; ++d) sum += a[d] * b[d];
  return sum;
}

/// Calls f(std::integral_constant<int, Width>) with the smallest width of a kernel that holds D channels.
template <class F>
void with_attention_width(char const* operation, Index width, F&& f) {
  if (width <= 32) return f(std::integral_constant<int, 32>{});
  if (width <= 64) return f(std::integral_constant<int, 64>{});
  if (width <= 128) return f(std::integral_constant<int, 128>{});
  if (width <= 256) return f(std::integral_constant<int, 256>{});
  throw ShapeError(
      message(operation, ": heads of ", width, " channels; the CUDA backend takes at most 256"));
}

ACCRETE_END_CUDA_NAMESPACE
