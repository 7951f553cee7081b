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
  /// `options.planned_depth` is the depth that growth is meant to reach: it sets the scale of residual outputs.
  Growable(typename StackType::Backend backend, typename StackType::Options options)
      : StackType(std::move(backend), std::move(options), 0) {}

  /// Freezes all blocks and adds `count` new ones on top. Sessions and trainers made before no longer fit and say so.
  void grow(Index count) {
    this->freeze();
    this->append(count);
  }
};

ACCRETE_END_NAMESPACE
