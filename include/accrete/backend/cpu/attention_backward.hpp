/// Causal attention of one head of one sequence, backward.
#pragma once

#include <algorithm>
#include <cmath>

#include <accrete/backend/cpu/attention_tile.hpp>
#include <accrete/backend/cpu/matrix_view.hpp>
#include <accrete/backend/cpu/scratch.hpp>
#include <accrete/backend/cpu/vector_math.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Queries, keys and values of one head, or their gradients.
template <class T>
struct HeadParts {
  MatrixView<T> queries, keys, values;  // (T,D)
};

/// Goes through the queries block by block: rebuilds the probabilities of a block, computes the
/// gradients of its scores and its queries, and adds to the gradients of keys and values. Keys that
/// lie ahead of a query take part with probability 0.
template <class T>
class AttentionBackward {
 public:
  using Tile = AttentionTile<T>;

  AttentionBackward(MatrixView<T const> grad_out, HeadParts<T const> in, MatrixView<T const> out,
                    T const* log_sum_exp);

  void run(HeadParts<T> gradients) const;

 private:
  static constexpr Index block_rows = 4 * Tile::rows;

  void compute_scores(IndexRange block) const;
  void compute_score_gradients(IndexRange block) const;
  void compute_query_gradients(IndexRange block, MatrixView<T> grad_queries) const;
  void add_to_key_and_value_gradients(IndexRange block) const;

  Index time_;          // T
  Index width_;         // D
  Index padded_width_;  // D in whole tiles
  Index score_stride_;  // T and the height of a tile, in whole tiles
  T const* log_sum_exp_;
  T scale_;  // 1 / sqrt(D)

  // Panels.
  T* keys_across_;
  T* values_across_;
  // Rows of padded_width_.
  T* keys_;
  T* queries_;  // scaled
  T* grad_out_;
  T* grad_keys_;
  T* grad_values_;
  T* grad_queries_;  // of one tile
  // Of one block: (block_rows, score_stride_).
  T* probabilities_;  // first the scores
  T* grad_scores_;    // first the gradients of the probabilities; not yet scaled
  T* grad_dot_out_;   // (T)
};

template <class T>
AttentionBackward<T>::AttentionBackward(MatrixView<T const> grad_out, HeadParts<T const> in,
                                        MatrixView<T const> out, T const* log_sum_exp)
    : time_(in.queries.rows),
      width_(in.queries.columns),
      padded_width_(Tile::whole_columns(width_)),
      score_stride_(Tile::whole_columns(time_ + Tile::rows)),
      log_sum_exp_(log_sum_exp),
      scale_(1 / std::sqrt(static_cast<T>(width_))) {
  Index const rows = Tile::whole_rows(Tile::whole_columns(time_));
  Index const panels = rows * width_;
  Index const padded = rows * padded_width_;
  T* next = scratch<T, AttentionBackward>(2 * panels + 6 * padded + 2 * block_rows * score_stride_ +
                                          time_);
  auto const take = [&](Index count) {
    T* const taken = next;
    next += count;
    return taken;
  };
  keys_across_ = take(panels);
  values_across_ = take(panels);
  keys_ = take(padded);
  queries_ = take(padded);
  grad_out_ = take(padded);
  grad_keys_ = take(padded);
  grad_values_ = take(padded);
  grad_queries_ = take(padded);
  probabilities_ = take(block_rows * score_stride_);
  grad_scores_ = take(block_rows * score_stride_);
  grad_dot_out_ = take(time_);
  pack_panels(in.keys, keys_across_);
  pack_panels(in.values, values_across_);
  pack_rows(in.keys, T{1}, keys_, padded_width_);
  pack_rows(in.queries, scale_, queries_, padded_width_);
  pack_rows(grad_out, T{1}, grad_out_, padded_width_);
  std::fill_n(grad_keys_, padded, T{0});
  std::fill_n(grad_values_, padded, T{0});
  for (Index t = 0; t < time_; ++t) {
    prefetch_row(out, t + rows_ahead);
    grad_dot_out_[t] = sum_over_packs<T>(width_, [&](auto at) {
      return at.load(grad_out_ + t * padded_width_) * at.load(out.at(t, 0));
    });
  }
}

template <class T>
void AttentionBackward<T>::run(HeadParts<T> gradients) const {
  for (Index t = 0; t < time_; t += block_rows) {
    IndexRange const block{t, std::min(t + block_rows, time_)};
    compute_scores(block);
    compute_score_gradients(block);
    compute_query_gradients(block, gradients.queries);
    add_to_key_and_value_gradients(block);
  }
  unpack_rows<T>(grad_keys_, padded_width_, T{1}, gradients.keys);
  unpack_rows<T>(grad_values_, padded_width_, T{1}, gradients.values);
}

template <class T>
void AttentionBackward<T>::compute_scores(IndexRange block) const {
  for (Index t = block.begin; t < block.end; t += Tile::rows) {
    Index const at = (t - block.begin) * score_stride_;
    for (Index s = 0; s < t + Tile::rows && s < time_; s += Tile::columns) {
      Tile::multiply(width_, {queries_ + t * padded_width_, padded_width_},
                     {keys_across_ + s * width_, Tile::columns},
                     {probabilities_ + at + s, score_stride_});
      Tile::multiply(width_, {grad_out_ + t * padded_width_, padded_width_},
                     {values_across_ + s * width_, Tile::columns},
                     {grad_scores_ + at + s, score_stride_});
    }
  }
}

template <class T>
void AttentionBackward<T>::compute_score_gradients(IndexRange block) const {
  for (Index t = block.begin; t < block.end; ++t) {
    T* const probability = probabilities_ + (t - block.begin) * score_stride_;
    T* const grad_score = grad_scores_ + (t - block.begin) * score_stride_;
    Pack<T> const normalizer(log_sum_exp_[t]);
    Pack<T> const grad_dot_out(grad_dot_out_[t]);
    for_each_pack<T>(t + 1, [=](auto at) {
      auto const p = exponential(at.load(probability) - normalizer);
      at.store(grad_score, p * (at.load(grad_score) - grad_dot_out));
      at.store(probability, p);
    });
    std::fill_n(probability + t + 1, Tile::rows, T{0});
    std::fill_n(grad_score + t + 1, Tile::rows, T{0});
  }
}

template <class T>
void AttentionBackward<T>::compute_query_gradients(IndexRange block,
                                                   MatrixView<T> grad_queries) const {
  for (Index t = block.begin; t < block.end; t += Tile::rows) {
    Index const end = std::min(t + Tile::rows, block.end);
    for (Index d = 0; d < padded_width_; d += Tile::columns)
      Tile::multiply(end, {grad_scores_ + (t - block.begin) * score_stride_, score_stride_},
                     {keys_ + d, padded_width_}, {grad_queries_ + d, padded_width_});
    unpack_rows<T>(grad_queries_, padded_width_, scale_, grad_queries.block({t, end}, {0, width_}));
  }
}

template <class T>
void AttentionBackward<T>::add_to_key_and_value_gradients(IndexRange block) const {
  for (Index s = 0; s < block.end; s += Tile::rows) {
    Index const begin = std::max(s, block.begin);  // earlier queries do not see these keys
    Index const terms = block.end - begin;
    Index const scores = (begin - block.begin) * score_stride_ + s;
    for (Index d = 0; d < padded_width_; d += Tile::columns) {
      Index const from = begin * padded_width_ + d;
      Index const to = s * padded_width_ + d;
      Tile::multiply(terms, {grad_scores_ + scores, 1, score_stride_},
                     {queries_ + from, padded_width_}, {grad_keys_ + to, padded_width_}, true);
      Tile::multiply(terms, {probabilities_ + scores, 1, score_stride_},
                     {grad_out_ + from, padded_width_}, {grad_values_ + to, padded_width_}, true);
    }
  }
}

}  // namespace detail
ACCRETE_END_NAMESPACE
