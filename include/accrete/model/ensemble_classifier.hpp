/// The classifier of an ensemble: terms, where they can be listed, or a fusion of logits. Include basic_ensemble.hpp.
#pragma once

#include <algorithm>

#include <accrete/model/basic_ensemble.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class Holder, class Rule, class Fusion>
auto BasicEnsemble<Holder, Rule, Fusion>::classifier(Session const& session) const {
  if constexpr (lists_terms) {
    Terms terms;
    Index const common = substrate().vocabulary_size();
    for (Index e = 0; e < size(); ++e) {
      auto const weight = fusion_.weight(session.state_.fusion, e);
      visit_expert(e, session, [&](auto const& expert, auto const& expert_session) {
        for (Term term : detail::first_tokens(expert.classifier(expert_session), common)) {
          term.scale *= weight.scale;
          if (!weight.token_scale.empty()) term.token_scale = weight.token_scale;
          terms.append(term);
        }
      });
    }
    return terms.list();
  } else {
    return FusedClassifier(*this, session);
  }
}

template <class Holder, class Rule, class Fusion>
auto BasicEnsemble<Holder, Rule, Fusion>::classifier_gradients(
    Session const& session, Gradients<Backend> const& gradients) const {
  if constexpr (lists_terms) {
    TermGradients result;
    Index const common = substrate().vocabulary_size();
    for (Index e = 0; e < size(); ++e) {
      auto const weight = fusion_.weight(session.state_.fusion, e);
      visit_expert(e, session, [&](auto const& expert, auto const& expert_session) {
        for (TermGradient gradient :
             detail::first_tokens(expert.classifier_gradients(expert_session, gradients), common)) {
          if (!weight.grad_token_scale.empty()) gradient.token_scale = weight.grad_token_scale;
          result.append(gradient);
        }
      });
    }
    return result.list();
  } else {
    return typename FusedClassifier::GradientsType(*this, session, gradients);
  }
}

template <class Holder, class Rule, class Fusion>
Index BasicEnsemble<Holder, Rule, Fusion>::FusedClassifier::most_tokens() const {
  Index most = session_->state_.expert_logits.size(0);
  for (Index e = 0; e < ensemble_->size(); ++e)
    ensemble_->visit_expert(e, *session_, [&](auto const& expert, auto const& session) {
      most = std::min(most, accrete::most_tokens<Backend>(expert.classifier(session)));
    });
  return most;
}

template <class Holder, class Rule, class Fusion>
auto BasicEnsemble<Holder, Rule, Fusion>::FusedClassifier::weight(Index expert, Index begin,
                                                                  Index end) const
    -> ExpertWeight<Backend> {
  auto weight = ensemble_->fusion_.weight(session_->state_.fusion, expert);
  weight.token_scale = detail::rows_of(weight.token_scale, begin, end);
  weight.grad_token_scale = detail::rows_of(weight.grad_token_scale, begin, end);
  return weight;
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::FusedClassifier::logits(
    Backend const& backend, Index begin, View<Backend, Element, 2> logits) const {
  State const& state = session_->state_;
  Index const tokens = logits.size(0), vocabulary = logits.size(1);
  auto const part = state.expert_logits.slice(0, tokens);
  for (Index e = 0; e < ensemble_->size(); ++e) {
    ensemble_->visit_expert(e, *session_, [&](auto const& expert, auto const& session) {
      classifier_logits<Backend>(
          backend, detail::first_tokens(expert.classifier(session), vocabulary), begin, part);
    });
    View<Backend, Element const, 2> const made = part;
    if constexpr (CombinesLogits<FusionLayer>) {
      ensemble_->fusion_.combine(backend, state.fusion, e, made, logits);
    } else {
      auto const own = weight(e, begin, begin + tokens);
      scaled_rows_forward(backend, made, own.token_scale, logits,
                          {.scale = own.scale, .accumulate = e > 0});
    }
  }
  if constexpr (CombinesLogits<FusionLayer>)
    ensemble_->fusion_.finish(backend, state.fusion, logits);
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::FusedClassifier::backward(
    Backend const& backend, GradientsType const& gradients, Index begin,
    View<Backend, Element const, 2> grad_logits) const {
  State const& state = session_->state_;
  auto const& fusion = ensemble_->fusion_;
  Index const tokens = grad_logits.size(0), vocabulary = grad_logits.size(1);
  auto const part = state.expert_logits.slice(0, tokens);
  bool const fusion_wants = ReadsHiddenStates<FusionLayer> ||
                            gradients.parameters().reach(ensemble_->fusion_segment_.elements());
  if constexpr (CombinesLogits<FusionLayer>)
    fusion.begin_backward(backend, gradients.parameters(), state.fusion, grad_logits);
  for (Index e = 0; e < ensemble_->size(); ++e)
    ensemble_->visit_expert(e, *session_, [&](auto const& expert, auto const& session) {
      auto const classifier = detail::first_tokens(expert.classifier(session), vocabulary);
      auto const expert_gradients = detail::first_tokens(
          expert.classifier_gradients(session, gradients.parameters()), vocabulary);
      bool const expert_wants = detail::any_wanted(expert_gradients);
      if (!fusion_wants && !expert_wants) return;
      classifier_logits<Backend>(backend, classifier, begin, part);  // once more: none are kept
      if constexpr (CombinesLogits<FusionLayer>) {
        fusion.combine_backward(backend, gradients.parameters(), state.fusion, e, part,
                                grad_logits);
      } else {
        auto const own = weight(e, begin, begin + tokens);
        scaled_rows_backward(backend, grad_logits, own.token_scale, part, own.grad_token_scale,
                             own.scale);
      }
      if (expert_wants)
        classifier_backward<Backend>(backend, classifier, expert_gradients, begin,
                                     View<Backend, Element const, 2>(part));
    });
}

template <class Holder, class Rule, class Fusion>
template <class F>
void BasicEnsemble<Holder, Rule, Fusion>::FusedClassifier::for_each_hidden(F&& f) const {
  for (Index e = 0; e < ensemble_->size(); ++e)
    ensemble_->visit_expert(e, *session_, [&](auto const& expert, auto const& session) {
      detail::for_each_hidden(expert.classifier(session), f);
    });
}

template <class Holder, class Rule, class Fusion>
template <class F>
void BasicEnsemble<Holder, Rule, Fusion>::FusedClassifier::GradientsType::for_each_hidden(
    F&& f) const {
  for (Index e = 0; e < ensemble_->size(); ++e)
    ensemble_->visit_expert(e, *session_, [&](auto const& expert, auto const& session) {
      detail::for_each_hidden(expert.classifier_gradients(session, *gradients_), f);
    });
}

template <class Holder, class Rule, class Fusion>
bool BasicEnsemble<Holder, Rule, Fusion>::FusedClassifier::GradientsType::any_wanted() const {
  bool any = gradients_->reach(ensemble_->fusion_segment_.elements());
  for (Index e = 0; e < ensemble_->size(); ++e)
    ensemble_->visit_expert(e, *session_, [&](auto const& expert, auto const& session) {
      any = any || detail::any_wanted(expert.classifier_gradients(session, *gradients_));
    });
  return any;
}

ACCRETE_END_NAMESPACE
