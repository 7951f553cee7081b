/// A trainable map of all experts' logits together, at low rank.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <accrete/model/fusion.hpp>
#include <accrete/ops/linear.hpp>
#include <accrete/ops/scaled_rows.hpp>

ACCRETE_BEGIN_NAMESPACE

/// logits = sum_e logits_e / E + up (sum_e down_e logits_e), with down_e (R,V) and up (V,R).
///
/// "logits = adapter(concat(a, b))" of the papers; a full map of E V numbers to V would have E V^2 parameters, this one
/// has (E + 1) V R. It starts as the mean: `up` is zero, down_e normal with deviation 1 / sqrt(3 V). Backward computes
/// each expert's logits a second time.
struct LogitAdapter {
  using Role = FusionRole;
  Index rank = 16;         ///< R, at most the width of all hidden states together, and V
  std::uint64_t seed = 1;  ///< of down_e

  template <class B>
  requires HasLinear<B> && HasScaledRows<B>
  class Layer {
   public:
    using Backend = B;
    struct State {
      View<B, Element, 2> hidden;       // (n,R)
      View<B, Element, 2> grad_hidden;  // (n,R)
    };

    /// Throws ShapeError for a rank that no such map has.
    Layer(LogitAdapter const& settings, FusionSizes const& sizes)
        : scale_(1.0 / static_cast<double>(sizes.experts)),
          up_({sizes.vocabulary, settings.rank}, Initial::zeros()) {
      Index const most = std::min(sizes.vocabulary, sizes.width());
      if (settings.rank < 1 || settings.rank > most)
        throw ShapeError(message("logit adapter: expected a rank of 1 to ", most, " for ",
                                 sizes.experts, " experts of width ", sizes.width(),
                                 " together and a vocabulary of ", sizes.vocabulary, ", got ",
                                 settings.rank));
      double const deviation = 1.0 / std::sqrt(3.0 * static_cast<double>(sizes.vocabulary));
      for (Index e = 0; e < sizes.experts; ++e)
        downs_.emplace_back(typename Parameter<B, 2>::Sizes{settings.rank, sizes.vocabulary},
                            Initial::normal(deviation));
    }

    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("up", self.up_);
      for (std::size_t e = 0; e < self.downs_.size(); ++e)
        visit("down." + std::to_string(e), self.downs_[e]);
    }
    [[nodiscard]] Json describe() const {
      return Json::object({{"type", "logit adapter"}, {"rank", up_.sizes()[1]}});
    }
    [[nodiscard]] State state_for(Workspace<B>& workspace, FusionPlan const& plan) const {
      auto const hidden = [&] {
        return workspace.template tensor<Element>(plan.chunk, up_.sizes()[1]);
      };
      State state{hidden(), {}};
      if (plan.training) state.grad_hidden = hidden();
      return state;
    }

    void combine(B const& backend, State const& state, Index expert,
                 View<B, Element const, 2> expert_logits, View<B, Element, 2> logits) const {
      bool const accumulate = expert > 0;
      scaled_rows_forward(backend, expert_logits, {}, logits,
                          {.scale = scale_, .accumulate = accumulate});
      linear_forward(backend, expert_logits, down(expert).view(), {},
                     state.hidden.slice(0, logits.size(0)), {.accumulate = accumulate});
    }
    void finish(B const& backend, State const& state, View<B, Element, 2> logits) const {
      linear_forward(backend, View<B, Element const, 2>(state.hidden.slice(0, logits.size(0))),
                     up_.view(), {}, logits, {.accumulate = true});
    }
    void begin_backward(B const& backend, Gradients<B> const& gradients, State const& state,
                        View<B, Element const, 2> grad_logits) const {
      Index const tokens = grad_logits.size(0);
      linear_backward(backend, grad_logits,
                      View<B, Element const, 2>(state.hidden.slice(0, tokens)), up_.view(),
                      state.grad_hidden.slice(0, tokens), gradients.of(up_), {});
    }
    void combine_backward(B const& backend, Gradients<B> const& gradients, State const& state,
                          Index expert, View<B, Element, 2> expert_logits,
                          View<B, Element const, 2> grad_logits) const {
      View<B, Element const, 2> const grad_hidden = state.grad_hidden.slice(0, grad_logits.size(0));
      View<B, Element const, 2> const kept = expert_logits;
      linear_backward(backend, grad_hidden, kept, down(expert).view(), {},
                      gradients.of(down(expert)), {});
      scaled_rows_forward(backend, grad_logits, {}, expert_logits, {.scale = scale_});
      linear_backward(backend, grad_hidden, kept, down(expert).view(), expert_logits, {}, {},
                      {.accumulate = true});
    }

   private:
    [[nodiscard]] Parameter<B, 2> const& down(Index expert) const {
      return downs_[static_cast<std::size_t>(expert)];
    }

    double scale_;
    Parameter<B, 2> up_;                  // (V,R)
    std::vector<Parameter<B, 2>> downs_;  // E of (R,V)
  };
};

ACCRETE_END_NAMESPACE
