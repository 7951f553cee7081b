/// Causal attention of one head of one sequence, forward.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include <accrete/backend/cpu/attention_tile.hpp>
#include <accrete/backend/cpu/matrix_view.hpp>
#include <accrete/backend/cpu/scratch.hpp>
#include <accrete/backend/cpu/vector_math.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Attends from queries to the keys and values of the positions [0, S).
///
/// Each query is computed as if it were alone: its scores, its softmax and its sum of values take
/// their terms in the order of positions, up to its own. So a run of queries of any length, at any
/// position, gives the same bits, and nothing that lies ahead is touched.
template <class T>
class AttentionForward {
 public:
  using Tile = AttentionTile<T>;

  AttentionForward(MatrixView<T const> keys, MatrixView<T const> values);  // (S,D)

  /// out[n,:] of the query at position `first` + n; log_sum_exp[n] too, unless it is null.
  void attend(Index first, MatrixView<T const> queries,   // (N,D)
              MatrixView<T> out, T* log_sum_exp) const {  // (N,D), (N)
    // A tile takes as long as a few queries one by one.
    if (4 * queries.rows <= Tile::rows)
      attend_in_tiles<1>(first, queries, out, log_sum_exp);
    else
      attend_in_tiles<Tile::rows>(first, queries, out, log_sum_exp);
  }

 private:
  template <int Rows>
  void attend_in_tiles(Index first, MatrixView<T const> queries, MatrixView<T> out,
                       T* log_sum_exp) const;
  template <int Rows>
  void compute_scores(Index length, MatrixView<T const> queries) const;
  template <int Rows>
  void sum_values(Index first, Index rows) const;

  Index width_;         // D
  Index padded_width_;  // D in whole tiles
  Index score_stride_;  // S in whole tiles
  T* keys_;             // panels
  T* scores_;           // (rows, score_stride)
  T* sums_;             // (rows, padded_width)
  T* queries_;          // (rows, D), divided by sqrt(D)
  TileColumns<T const> values_;
};

template <class T>
AttentionForward<T>::AttentionForward(MatrixView<T const> keys, MatrixView<T const> values)
    : width_(keys.columns),
      padded_width_(Tile::whole_columns(width_)),
      score_stride_(Tile::whole_columns(keys.rows)) {
  Index const padded_keys = score_stride_;
  keys_ = scratch<T, AttentionForward>((padded_keys + Tile::rows) * (width_ + padded_width_) +
                                       Tile::rows * score_stride_);
  scores_ = keys_ + padded_keys * width_;
  sums_ = scores_ + Tile::rows * score_stride_;
  T* const packed_values = sums_ + Tile::rows * padded_width_;
  queries_ = packed_values + padded_keys * padded_width_;
  pack_panels(keys, keys_);
  if (values.row_stride == padded_width_) {
    values_ = {values.data, padded_width_};
  } else {
    pack_rows(values, T{1}, packed_values, padded_width_);
    values_ = {packed_values, padded_width_};
  }
}

template <class T>
template <int Rows>
void AttentionForward<T>::attend_in_tiles(Index first, MatrixView<T const> queries,
                                          MatrixView<T> out, T* log_sum_exp) const {
  for (Index n = 0; n < queries.rows; n += Rows) {
    Index const rows = std::min<Index>(Rows, queries.rows - n);
    compute_scores<Rows>(first + n + rows, queries.block({n, n + rows}, {0, width_}));
    std::array<T, std::size_t{Rows}> totals;
    for (Index r = 0; r < rows; ++r) {
      T* const scores = scores_ + r * score_stride_;
      Index const length = first + n + r + 1;
      T const greatest = greatest_of(length, scores);
      T const total = sum_over_packs<T>(length, [=](auto at) {
        auto const power = exponential(at.load(scores) - Pack<T>(greatest));
        at.store(scores, power);
        return power;
      });
      if (log_sum_exp != nullptr) log_sum_exp[n + r] = greatest + std::log(total);
      totals[static_cast<std::size_t>(r)] = total;
    }
    sum_values<Rows>(first + n, rows);
    for (Index r = 0; r < rows; ++r)
      for_each_pack<T>(width_, [&, factor = 1 / totals[static_cast<std::size_t>(r)]](auto at) {
        at.store(out.at(n + r, 0), at.load(sums_ + r * padded_width_) * Pack<T>(factor));
      });
  }
}

template <class T>
template <int Rows>
void AttentionForward<T>::compute_scores(Index length, MatrixView<T const> queries) const {
  pack_rows(queries, 1 / std::sqrt(static_cast<T>(width_)), queries_, width_);
  for (Index s = 0; s < length; s += Tile::columns)
    Tile::template multiply<Rows>(width_, {queries_, width_}, {keys_ + s * width_, Tile::columns},
                                  {scores_ + s, score_stride_});
}

/// The queries of a tile have different lengths: what all of them see goes through the tile, the
/// last few values are added to each query's sum by itself.
template <class T>
template <int Rows>
void AttentionForward<T>::sum_values(Index first, Index rows) const {
  for (Index d = 0; d < padded_width_; d += Tile::columns) {
    TileColumns<T const> const values{values_.data + d, values_.stride};
    TileColumns<T> const sums{sums_ + d, padded_width_};
    Tile::template multiply<Rows>(first + 1, {scores_, score_stride_}, values, sums);
    for (Index r = 1; r < rows; ++r)
      Tile::template multiply<1>(r, {scores_ + r * score_stride_ + first + 1, 0},
                                 {values.data + (first + 1) * values.stride, values.stride},
                                 {sums.data + r * sums.stride, 0}, true);
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
