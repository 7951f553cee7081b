/// Growth: a stack that gains trainable blocks on top of layers that are trained and frozen.
#pragma once

#include <utility>

#include <accrete/nn/stack.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A stack that starts without blocks. "Growing Transformers" (Bochkov, arXiv 2507.07129): train the newest blocks with
/// the head, freeze, grow, repeat.
template <class StackType>
class Growable : public StackType {
 public:
  static constexpr Index max_blocks = 65536;  // that a file may ask for

  /// `options.planned_depth` is the depth that growth is meant to reach: it sets the scale of residual outputs.
  Growable(typename StackType::Backend backend, typename StackType::Options options)
      : StackType(std::move(backend), std::move(options), 0) {}

  /// Freezes all blocks and adds `count` new ones, on top unless `start` says otherwise (nn/block_start.hpp). Sessions
  /// and trainers made before no longer fit and say so. Throws ValueError, and changes nothing, where the body has
  /// adapters or the new blocks cannot start so.
  void grow(Index count, BlockStart start = BlockStart::random) {
    if (this->has_adapters())
      throw ValueError("growable: it has adapters; merge or remove them before it grows");
    static_cast<void>(this->placement(start, count));
    this->freeze();
    this->append(count, start);
  }

  template <class F>
  void check_structure(Json const& saved, F&& f) const {
    if (this->depth() > 0) return StackType::check_structure(saved, f);
    Index depth = 0, last_stage = 0;
    for (Json const& stage : saved.at("stages").as_array()) {
      Index const count = stage.as_int();
      if (count < 1 || count > max_blocks - depth)
        throw MismatchError(message("growable: the file has a stage of ", count,
                                    " blocks; expected at least 1, and at most ", max_blocks,
                                    " in all"));
      last_stage = depth;
      for (Index i = 0; i < count; ++i) this->for_each_parameter_at(depth++, f);
    }
    StackType::check_first_trainable(saved, last_stage, depth);
    static_cast<void>(StackType::saved_order(saved, depth));
    StackType::check_adapters(saved, depth, f);
  }

  /// Grows an empty body through the saved stages; one that has blocks must already be as saved.
  void restore_structure(Json const& saved) {
    if (this->depth() == 0)
      for (Json const& stage : saved.at("stages").as_array()) grow(stage.as_int());
    StackType::restore_structure(saved);
  }
};

ACCRETE_END_NAMESPACE
