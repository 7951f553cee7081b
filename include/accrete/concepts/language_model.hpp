/// What trainers, samplers and measures ask of a model: hidden states and a classifier, never logits for all tokens.
#pragma once

#include <array>
#include <concepts>

#include <accrete/core/any_visitor.hpp>
#include <accrete/io/json.hpp>
#include <accrete/model/session.hpp>
#include <accrete/nn/gradients.hpp>
#include <accrete/ops/classifier.hpp>
#include <accrete/substrate/substrate.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a model with a fixed number of terms gives.
template <class Model>
using TermsOf = std::array<ClassifierTerm<typename Model::Backend>, Model::term_count>;
template <class Model>
using TermGradientsOf =
    std::array<ClassifierTermGradient<typename Model::Backend>, Model::term_count>;

/// Token ids are the host's. forward: ids (B,T) -> the session's hidden states; classifier: what the logits of all B*T
/// tokens are made of, for most models terms whose sum they are.
template <class M>
concept ScoresTokens = ComputeBackend<typename M::Backend> &&
    std::constructible_from<typename M::Session, M const&, SessionPlan> &&
    requires(M const& model, typename M::Session& session, HostView<TokenId const, 2> ids) {
  model.forward(session, ids);
  { model.classifier(session) } -> ClassifierFor<typename M::Backend>;
  { model.substrate() } -> std::convertible_to<Substrate const&>;
  { model.backend() } -> std::convertible_to<typename M::Backend const&>;
};

/// decode_step: the next n tokens of each sequence, ids (B,n), after those in the session's cache.
template <class M>
concept DecodesTokens = ScoresTokens<M> &&
    requires(M const& model, typename M::Session& session, HostView<TokenId const, 2> ids) {
  model.decode_step(session, ids);
};

/// A decode_step in three parts: `stage_step` is the host's, with all checks; `run_step` is the backend's alone, which can
/// be recorded and repeated with what is staged later; `finish_step` counts the tokens. They are called in place of
/// decode_step: a model that inherits them and replaces one, replaces all.
template <class M>
concept StagesDecoding = DecodesTokens<M> &&
    requires(M const& model, typename M::Session& session, HostView<TokenId const, 2> ids) {
  model.stage_step(session, ids);
  model.run_step(session);
  model.finish_step(session);
};

/// backward: from the gradients of the terms down to the lowest trainable parameter. `for_each_segment` calls
/// f(prefix, segment) for every segment of parameters. `describe` says what the model is, `structure` what growth and
/// freezing have made of it; `check_structure` and `restore_structure` bring a new model to what a file says.
template <class M>
concept Trainable = ScoresTokens<M> &&
    requires(M& model, M const& const_model, typename M::Session& session,
             Gradients<typename M::Backend> const& gradients, HostView<TokenId const, 2> ids) {
  classifier_backward<typename M::Backend>(const_model.backend(), const_model.classifier(session),
                                           const_model.classifier_gradients(session, gradients),
                                           Index{}, View<typename M::Backend, Element const, 2>());
  const_model.backward(session, gradients, ids);
  model.for_each_segment(detail::AnyVisitor{});
  { const_model.describe() } -> std::same_as<Json>;
  { const_model.structure() } -> std::same_as<Json>;
  const_model.check_structure(Json(), detail::AnyVisitor{});
  model.restore_structure(Json());
  { const_model.stamp() } -> std::same_as<ModelStamp>;
};

/// A model whose classifier is a list of terms.
template <class M>
concept HasTerms = ScoresTokens<M> && requires(M const& model, typename M::Session const& session) {
  { model.classifier(session) } -> ListsTerms<typename M::Backend>;
};

template <class M>
concept LanguageModel = DecodesTokens<M> && Trainable<M>;

ACCRETE_END_NAMESPACE
