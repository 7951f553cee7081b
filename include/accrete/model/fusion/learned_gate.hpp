/// A gate that learns which expert to trust, token by token.
#pragma once

#include <string>
#include <vector>

#include <accrete/model/fusion.hpp>
#include <accrete/ops/expert_weights.hpp>
#include <accrete/ops/fill_zero.hpp>
#include <accrete/ops/linear.hpp>
#include <accrete/ops/scaled_rows.hpp>
#include <accrete/ops/token_scaled_linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// logits[n] = sum_e w[n,e] logits_e[n], with w[n,:] = softmax(sum_j G_j hidden_j[n] + bias): the hidden states are those
/// from which the experts' classifiers start, behind their last norms. G_j (E,C_j) and bias (E) start at zero, so that
/// the gate begins as the mean of logits. Usually trained with `freeze_experts`.
struct LearnedGate {
  using Role = FusionRole;

  template <class B>
  requires HasLinear<B> && HasExpertWeights<B> && HasTokenScaledLinear<B> && HasScaledRows<B> &&
      HasFillZero<B>
  class Layer {
   public:
    using Backend = B;
    struct State {
      View<B, Element, 2> scores;          // (N,E)
      View<B, Statistic, 2> weights;       // (E,N)
      View<B, Element, 2> grad_scores;     // (N,E)
      View<B, Statistic, 2> grad_weights;  // (E,N)
    };

    /// Throws ValueError for one expert alone: there is nothing to choose.
    Layer(LearnedGate const&, FusionSizes const& sizes) : bias_({sizes.experts}, Initial::zeros()) {
      if (sizes.experts < 2)
        throw ValueError("learned gate: expected at least two experts to choose from, got one");
      for (Index const width : sizes.widths)
        maps_.emplace_back(typename Parameter<B, 2>::Sizes{sizes.experts, width}, Initial::zeros());
    }

    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("bias", self.bias_);
      for (std::size_t j = 0; j < self.maps_.size(); ++j)
        visit("hidden." + std::to_string(j), self.maps_[j]);
    }
    [[nodiscard]] Json describe() const { return Json("learned gate"); }
    [[nodiscard]] State state_for(Workspace<B>& workspace, FusionPlan const& plan) const {
      Index const experts = bias_.count();
      State state{workspace.template tensor<Element>(plan.tokens, experts),
                  workspace.template tensor<Statistic>(experts, plan.tokens),
                  {},
                  {}};
      if (plan.training) {
        state.grad_scores = workspace.template tensor<Element>(plan.tokens, experts);
        state.grad_weights = workspace.template tensor<Statistic>(experts, plan.tokens);
      }
      return state;
    }

    void read(B const& backend, State const& state, Index number,
              View<B, Element const, 2> hidden) const {
      linear_forward(backend, hidden, map(number).view(),
                     number == 0 ? bias_.view() : View<B, Element const, 1>(), state.scores,
                     {.accumulate = number > 0});
    }
    void finish_reading(B const& backend, State const& state) const {
      expert_weights_forward(backend, View<B, Element const, 2>(state.scores), state.weights);
      if (!state.grad_weights.empty())
        fill_zero(backend, state.grad_weights.template reshape<1>({state.grad_weights.count()}));
    }
    [[nodiscard]] ExpertWeight<B> weight(State const& state, Index expert) const {
      auto const of_expert = [&](View<B, Statistic, 2> all) -> View<B, Statistic, 1> {
        if (all.empty()) return {};
        return {all.data() + expert * all.size(1), {all.size(1)}};
      };
      return {.token_scale = of_expert(state.weights),
              .grad_token_scale = of_expert(state.grad_weights)};
    }
    void finish_backward(B const& backend, State const& state) const {
      expert_weights_backward(backend, View<B, Statistic const, 2>(state.grad_weights),
                              View<B, Statistic const, 2>(state.weights), state.grad_scores);
    }
    void read_backward(B const& backend, Gradients<B> const& gradients, State const& state,
                       Index number, View<B, Element const, 2> hidden,
                       View<B, Element, 2> grad_hidden) const {
      linear_backward(backend, View<B, Element const, 2>(state.grad_scores), hidden,
                      map(number).view(), grad_hidden, gradients.of(map(number)),
                      number == 0 ? gradients.of(bias_) : View<B, Master, 1>(),
                      {.accumulate = true});
    }

   private:
    [[nodiscard]] Parameter<B, 2> const& map(Index number) const {
      return maps_[static_cast<std::size_t>(number)];
    }

    Parameter<B, 1> bias_;               // (E)
    std::vector<Parameter<B, 2>> maps_;  // of (E,C_j)
  };
};

ACCRETE_END_NAMESPACE
