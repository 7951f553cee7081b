/// Adapters: low-rank corrections of linear layers whose own weights are frozen, "LoRA" (Hu et al., arXiv 2106.09685).
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/index_range.hpp>
#include <accrete/nn/module.hpp>
#include <accrete/ops/low_rank.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Which linear maps get an adapter, and of what kind. A transformer block has "attention.query", "attention.key",
/// "attention.value", "attention.out", "feed_forward.up" and "feed_forward.down".
struct AdapterOptions {
  Index rank = 8;     ///< R, at most the smaller side of the map
  double alpha = 16;  ///< corrections are scaled by alpha / R
  std::vector<std::string> targets{"attention.query", "attention.value"};
};

/// out[:, outputs] += alpha / R * (x down^T) up^T, with parameters "down" (R,I) and "up" (P,R) for P outputs.
///
/// It starts as no correction at all: `up` is zero, `down` normal with deviation 1 / sqrt(3 I), the variance of the
/// uniform distribution that PyTorch's LoRA draws from.
template <HasLowRank B>
class Adapter {
 public:
  using Backend = B;

  /// `target` is the map's name within its block. Throws ShapeError unless 1 <= rank <= min(I, P).
  Adapter(std::string target, Index inputs, IndexRange outputs, AdapterOptions const& options)
      : target_(std::move(target)),
        options_{.scale = options.alpha / static_cast<double>(options.rank),
                 .first_output = outputs.begin},
        down_({options.rank, inputs},
              Initial::normal(1.0 / std::sqrt(3.0 * static_cast<double>(inputs)))),
        up_({outputs.size(), options.rank}, Initial::zeros()) {
    Index const most = std::min(inputs, outputs.size());
    if (options.rank < 1 || options.rank > most)
      throw ShapeError(message("adapter of ", target_, ": expected a rank of 1 to ", most, ", got ",
                               options.rank));
    if (!std::isfinite(options.alpha))
      throw ValueError(
          message("adapter of ", target_, ": expected a finite alpha, got ", options.alpha));
  }

  template <class Self>
  static void visit_parameters(Self& self, auto&& visit) {
    visit("down", self.down_);
    visit("up", self.up_);
  }

  /// x (N,I); adds to out (N,O).
  void forward(Backend const& backend, View<Backend, Element const, 2> x,
               View<Backend, Element, 2> out) const {
    low_rank_forward(backend, x, down_.view(), up_.view(), out, options_);
  }
  /// Adds to the gradients of down and up, and to grad_x (N,I) unless it is empty.
  void backward(Backend const& backend, Gradients<Backend> const& gradients,
                View<Backend, Element const, 2> grad_out, View<Backend, Element const, 2> x,
                View<Backend, Element, 2> grad_x) const {
    low_rank_backward(backend, grad_out, x, down_.view(), up_.view(), grad_x, gradients.of(down_),
                      gradients.of(up_), options_);
  }

  [[nodiscard]] std::string const& target() const { return target_; }
  [[nodiscard]] LowRankOptions const& options() const { return options_; }
  [[nodiscard]] View<Backend, Element const, 2> down() const { return down_; }
  [[nodiscard]] View<Backend, Element const, 2> up() const { return up_; }

 private:
  std::string target_;
  LowRankOptions options_;
  Parameter<Backend, 2> down_;  // (R,I)
  Parameter<Backend, 2> up_;    // (P,R)
};

/// A block whose linear maps can be adapted names them:
///
///     template <class Self>
///     static void visit_linear_maps(Self& self, auto&& visit) {
///       visit("feed_forward.up", self.up_, IndexRange{0, self.up_.outputs()});  // these outputs of that Linear
///     }
template <class BlockType>
concept NamesLinearMaps = requires(BlockType& block) {
  BlockType::visit_linear_maps(block, detail::AnyVisitor{});
};

ACCRETE_END_NAMESPACE
