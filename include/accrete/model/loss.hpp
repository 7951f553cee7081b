/// The mean cross-entropy of a model's session, forward and backward.
#pragma once

#include <algorithm>
#include <vector>

#include <accrete/concepts/language_model.hpp>
#include <accrete/memory/transfer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Losses of every token and the scratch for one chunk of logits. `chunk_bytes` bounds the scratch.
template <HasClassifier Backend>
class LossScratch {
 public:
  LossScratch(Backend const& backend, Index tokens, Index vocabulary_size,
              Index chunk_bytes = Index{48} << 20)
      : backend_(backend), capacity_(tokens) {
    Index const row = vocabulary_size * static_cast<Index>(sizeof(TypeOf<Backend, Element>));
    Index const most = std::clamp<Index>(chunk_bytes / row, 1, std::max<Index>(tokens, 1));
    Index const chunks = std::max<Index>((tokens + most - 1) / most, 1);
    Index const chunk = std::max<Index>((tokens + chunks - 1) / chunks, 1);  // all about as long
    auto [memory, parts] = plan_on(backend, [&](Workspace<Backend>& workspace) {
      return Parts{workspace.template tensor<Statistic>(tokens),
                   workspace.template tensor<Element>(chunk, vocabulary_size)};
    });
    memory_ = std::move(memory);
    parts_ = parts;
  }

  [[nodiscard]] Index capacity() const { return capacity_; }
  [[nodiscard]] View<Backend, Statistic, 1> losses(Index tokens) const {
    return parts_.losses.slice(0, tokens);
  }
  [[nodiscard]] View<Backend, Element, 2> logits() const { return parts_.logits; }
  /// The first losses where the CPU can read them.
  [[nodiscard]] HostView<TypeOf<Backend, Statistic const>, 1> losses_on_host(Index tokens) {
    return host_losses_.of(backend_, View<Backend, Statistic const, 1>(losses(tokens)));
  }
  /// Targets that are the host's, where the backend reads them.
  [[nodiscard]] View<Backend, TokenId const, 1> on_backend(HostView<TokenId const, 1> targets) {
    return targets_.on(backend_, targets);
  }

 private:
  struct Parts {
    View<Backend, Statistic, 1> losses;  // (B*T)
    View<Backend, Element, 2> logits;    // (chunk,V)
  };
  Backend backend_;
  Index capacity_;
  Workspace<Backend> memory_;
  Parts parts_;
  HostInput<Backend, TokenId> targets_;
  HostOutput<Backend, TypeOf<Backend, Statistic>> host_losses_;
};

/// The sum of losses in nats, and how many targets took part.
struct LossSum {
  double sum = 0;
  Index tokens = 0;
  [[nodiscard]] double mean() const {
    return tokens == 0 ? 0.0 : sum / static_cast<double>(tokens);
  }
};

/// Tokens in order, in double: the same sum for any number of threads.
template <class Losses, class Targets>
[[nodiscard]] LossSum sum_of_losses(Losses losses, Targets targets) {
  LossSum result;
  for (Index n = 0; n < targets.size(0); ++n) {
    if (targets(n) == ignored_target) continue;
    result.sum += static_cast<double>(losses(n));
    ++result.tokens;
  }
  return result;
}

namespace detail {
template <class Targets>
void check_targets(Targets targets, Index vocabulary_size) {
  for (Index n = 0; n < targets.size(0); ++n)
    if (targets(n) != ignored_target && (targets(n) < 0 || targets(n) >= vocabulary_size))
      throw ValueError(message("loss: target ", targets(n), " of token ", n,
                               " is outside of the vocabulary of ", vocabulary_size));
}
}  // namespace detail

/// Runs forward and sums -log p(targets) over all tokens whose target is not ignored. The loss of token b T + t stays in
/// `scratch.losses`.
template <ScoresTokens Model>
LossSum evaluate_loss(Model const& model, typename Model::Session& session,
                      HostView<TokenId const, 2> ids,      // (B,T)
                      HostView<TokenId const, 2> targets,  // (B,T)
                      LossScratch<typename Model::Backend>& scratch) {
  check_sizes("evaluate_loss", "targets", targets, ids.sizes());
  auto const flat = targets.template reshape<1>({targets.count()});
  detail::check_targets(flat, model.substrate().vocabulary_size());
  model.forward(session, ids);
  auto const classifier = model.classifier(session);
  classifier_loss_forward<typename Model::Backend>(
      model.backend(), classifier, scratch.on_backend(flat), scratch.losses(targets.count()),
      scratch.logits());
  return sum_of_losses(scratch.losses_on_host(targets.count()), flat);
}

/// The same, and adds the gradient of loss_scale * sum of losses to `gradients`. `forward()` does what
/// `model.forward(session, ids)` would.
template <Trainable Model, class Forward>
LossSum evaluate_loss_and_gradients(Model const& model, typename Model::Session& session,
                                    HostView<TokenId const, 2> ids,      // (B,T)
                                    HostView<TokenId const, 2> targets,  // (B,T)
                                    LossScratch<typename Model::Backend>& scratch,
                                    Gradients<typename Model::Backend> const& gradients,
                                    double loss_scale, Forward&& forward) {
  check_sizes("evaluate_loss_and_gradients", "targets", targets, ids.sizes());
  auto const flat = targets.template reshape<1>({targets.count()});
  detail::check_targets(flat, model.substrate().vocabulary_size());
  forward();
  auto const classifier = model.classifier(session);
  auto const classifier_gradients = model.classifier_gradients(session, gradients);
  classifier_loss_forward_backward<typename Model::Backend>(
      model.backend(), classifier, classifier_gradients, scratch.on_backend(flat),
      scratch.losses(targets.count()), scratch.logits(), loss_scale);
  model.backward(session, gradients, ids);
  return sum_of_losses(scratch.losses_on_host(targets.count()), flat);
}

template <Trainable Model>
LossSum evaluate_loss_and_gradients(Model const& model, typename Model::Session& session,
                                    HostView<TokenId const, 2> ids,      // (B,T)
                                    HostView<TokenId const, 2> targets,  // (B,T)
                                    LossScratch<typename Model::Backend>& scratch,
                                    Gradients<typename Model::Backend> const& gradients,
                                    double loss_scale) {
  return evaluate_loss_and_gradients(model, session, ids, targets, scratch, gradients, loss_scale,
                                     [&] { model.forward(session, ids); });
}

ACCRETE_END_NAMESPACE
