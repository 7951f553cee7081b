/// A decoder-only language model: embedding, body, head.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <accrete/concepts/language_model.hpp>
#include <accrete/embedding/embedding_policy.hpp>
#include <accrete/model/head.hpp>
#include <accrete/model/token_ids.hpp>
#include <accrete/nn/stack.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A body is a Stack or what wraps one: `Stack<Block>`, `Growable<Stack<Block>>`.
template <class B>
concept Body = ComputeBackend<typename B::Backend> &&
    std::constructible_from<B, typename B::Backend, typename B::Options> &&
    requires(B const& body) {
  { body.depth() } -> std::convertible_to<Index>;
  { body.first_trainable() } -> std::convertible_to<Index>;
  { body.model_dim() } -> std::convertible_to<Index>;
  { body.revision() } -> std::convertible_to<Index>;
};

/// Embedding and head must be made for the body's backend.
template <class Embedding, class BodyType, class Head>
concept FormDecoder = EmbeddingPolicy<Embedding, typename BodyType::Backend> &&
    HeadPolicy<Head, typename BodyType::Backend>;

/// ids (B,T) -> embedding (B,T,C) -> body (B,T,C) -> head: one classifier term over the vocabulary of the substrate.
///
/// Parameters are drawn from `Options::seed`, each from the stream of its own name. The model is move-only.
template <class Embedding, Body BodyType, class Head = LinearHead<LayerNorm>>
requires FormDecoder<Embedding, BodyType, Head>
class Decoder {
 public:
  using Backend = typename BodyType::Backend;
  using Options = typename BodyType::Options;
  using EmbeddingType = Embedding;
  using HeadType = Head;
  using Session = accrete::Session<Decoder>;
  static constexpr std::size_t term_count = 1;

  struct State {
    typename BodyType::State body;
    typename Head::template Layer<Backend>::Activations head;
    typename Head::template Layer<Backend>::Scratch head_scratch;
    View<Backend, Element, 3> embedded, features, grad_features;  // (B,T,C)
  };
  using Cache = typename BodyType::Cache;

  Decoder(Backend backend, Substrate substrate, Options options = {});

  [[nodiscard]] BodyType& body() { return body_; }
  [[nodiscard]] BodyType const& body() const { return body_; }
  [[nodiscard]] Substrate const& substrate() const { return substrate_; }
  [[nodiscard]] Backend const& backend() const { return backend_; }
  [[nodiscard]] Json describe() const;
  /// What growth and freezing have made of the model; `restore_structure` brings a new model to it.
  [[nodiscard]] Json structure() const {
    Json json = body_.structure();
    json["embedding_frozen"] = Json(embedding_frozen_);
    return json;
  }
  /// Throws where `restore_structure` would, and calls f(name, parameter) for all parameters that the model would then
  /// have.
  template <class F>
  void check_structure(Json const& saved, F&& f) const {
    static_cast<void>(saved.at("embedding_frozen").as_bool());
    for_each_parameter(embedding_, embedding_segment_.name(), f);
    body_.check_structure(saved, f);
    for_each_parameter(head_, head_segment_.name(), f);
  }
  void restore_structure(Json const& saved) {
    body_.restore_structure(saved);
    if (saved.at("embedding_frozen").as_bool() && !embedding_frozen_) freeze_embedding();
  }
  [[nodiscard]] ModelStamp stamp() const { return {number_.value(), body_.revision() + revision_}; }

  /// Whether the embedding has parameters that train: it freezes when blocks are grown or frozen above it.
  [[nodiscard]] bool embedding_trains() const {
    return !embedding_frozen_ && !embedding_segment_.entries().empty() &&
           body_.first_trainable() == 0;
  }
  /// The embedding's parameters, if it has any, train no more.
  void freeze_embedding() {
    embedding_frozen_ = true;
    ++revision_;
  }

  /// Takes a larger substrate that extends this model's own (substrate/extension.hpp) and grows head
  /// and embedding to its vocabulary. The new tokens' parameters start as they would in a new model;
  /// the logits of all older tokens keep their bits. Sessions and trainers made before no longer fit
  /// and say so.
  ///
  /// Throws MismatchError, and leaves the model as it is, unless the model's substrate is an ancestor
  /// of `larger`, and where the embedding would give an older token another vector.
  void grow_vocabulary(Substrate larger);

  /// The parameters of norm and classifier.
  [[nodiscard]] Segment<Backend>& head_segment() { return head_segment_; }
  [[nodiscard]] Segment<Backend> const& head_segment() const { return head_segment_; }

  /// Calls f(prefix, segment) for the embedding's (if it has parameters), the body's and the head's segments.
  template <class F>
  void for_each_segment(F&& f);

  /// Hidden states of ids (B,T), kept in the session. Throws ValueError for an id outside of the vocabulary.
  void forward(Session& session, HostView<TokenId const, 2> ids) const;
  /// The terms of the last forward or decode_step: rows b T + t.
  [[nodiscard]] TermsOf<Decoder> classifier(Session const& session) const {
    return {head_.term(session.state().head)};
  }
  [[nodiscard]] TermGradientsOf<Decoder> classifier_gradients(
      Session const& session, Gradients<Backend> const& gradients) const {
    auto gradient = head_.term_gradient(gradients, session.state().head_scratch);
    if (!trains(gradients)) gradient.hidden = {};
    return {gradient};
  }
  /// Adds to `gradients`, from the gradients of the terms down to the lowest trainable parameter.
  void backward(Session& session, Gradients<Backend> const& gradients,
                HostView<TokenId const, 2> ids) const;
  /// Hidden states of the next n tokens of each sequence, ids (B,n): `stage_step`, `run_step`, `finish_step`.
  void decode_step(Session& session, HostView<TokenId const, 2> ids) const {
    stage_step(session, ids);
    run_step(session);
    finish_step(session);
  }
  /// The host's part, with all checks; on backends in the host's memory `ids` must stay until `run_step`.
  void stage_step(Session& session, HostView<TokenId const, 2> ids) const;
  /// The backend's part: it can be recorded, and repeated for what is staged later.
  void run_step(Session& session) const;
  void finish_step(Session& session) const { session.advance(session.time()); }

  [[nodiscard]] State state_for(Workspace<Backend>& workspace, Index batch, Index time,
                                bool training) const;
  [[nodiscard]] Cache cache_for(Workspace<Backend>& workspace, Index batch, Index capacity) const {
    return body_.cache_for(workspace, batch, capacity);
  }

  /// The number of blocks whose output depends on ids alone for as long as a trainer lasts: neither they nor the
  /// embedding train. `forward` is `forward_prefix`, whose result may be kept, then `forward_from_prefix`.
  [[nodiscard]] Index prefix_depth() const { return body_.prefix_depth(); }
  /// The prefix's output (B,T,C) for ids (B,T), in a session without training.
  [[nodiscard]] View<Backend, Element const, 3> forward_prefix(
      Session& session, HostView<TokenId const, 2> ids) const;
  /// Where `forward_from_prefix` expects the prefix's output (B,T,C).
  [[nodiscard]] View<Backend, Element, 3> prefix_in(Session& session, Index batch,
                                                    Index time) const {
    State& state = session.begin(*this, batch, time);
    return body_.prefix_in(state.body, state.features);
  }
  /// The rest of `forward`, after `prefix_in` was filled.
  void forward_from_prefix(Session& session) const {
    State& state = session.begin(*this, session.batch(), session.time());
    body_.forward_from_prefix(backend_, state.features, state.body);
    head_.forward(backend_, state.features, state.head, state.head_scratch);
  }

  /// The body's output (B,T,C) of the last forward, from which the head starts.
  [[nodiscard]] View<Backend, Element const, 3> features(Session const& session) const {
    return session.state().features;
  }
  /// `forward` without embedding and body, whose output (B,T,C) is given: what a frozen body made once may be kept.
  void forward_from_features(Session& session, View<Backend, Element const, 3> features) const {
    State& state = session.begin(*this, features.size(0), features.size(1));
    head_.forward(backend_, features, state.head, state.head_scratch);
  }

 private:
  using EmbeddingLayer = typename Embedding::template Layer<Backend>;
  using HeadLayer = typename Head::template Layer<Backend>;

  template <class Layer>
  void bind(Segment<Backend>& segment, Layer& layer) const;
  void check_same_vectors(EmbeddingLayer const& larger) const;
  void check_ids(HostView<TokenId const, 2> ids) const {
    check_token_ids("decoder", ids, substrate_.vocabulary_size());
  }
  void check_ready() const;
  /// Whether any parameter has a gradient; if not, backward has nothing to do.
  [[nodiscard]] bool trains(Gradients<Backend> const& gradients) const;

  Backend backend_;
  Substrate substrate_;
  BodyType body_;
  EmbeddingLayer embedding_;
  HeadLayer head_;
  Segment<Backend> embedding_segment_, head_segment_;
  std::uint64_t seed_;
  Index planned_depth_;
  ModelNumber number_;
  Index revision_ = 0;
  bool embedding_frozen_ = false;
};

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head> Decoder<Embedding, BodyType, Head>::Decoder(
    Backend backend, Substrate substrate, Options options)
    : backend_(std::move(backend)),
      substrate_(std::move(substrate)),
      body_(backend_, options),
      embedding_(backend_, substrate_, body_.model_dim()),
      head_(body_.model_dim(), substrate_.vocabulary_size()),
      embedding_segment_(backend_, "embedding"),
      head_segment_(backend_, "head"),
      seed_(options.seed),
      planned_depth_(options.planned_depth) {
  bind(embedding_segment_, embedding_);
  bind(head_segment_, head_);
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
template <class Layer>
void Decoder<Embedding, BodyType, Head>::bind(Segment<Backend>& segment, Layer& layer) const {
  segment.add(layer, segment.name());
  segment.allocate();
  segment.bind(layer, segment.name());
  segment.initialize(Random(seed_), planned_depth_);
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head> Json Decoder<Embedding, BodyType, Head>::describe()
const {
  Json json = Json::object();
  json["type"] = Json("decoder");
  json["vocabulary_size"] = Json(substrate_.vocabulary_size());
  json["embedding"] = embedding_.describe();
  json["body"] = body_.describe();
  json["head"] = head_.describe();
  return json;
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
template <class F>
void Decoder<Embedding, BodyType, Head>::for_each_segment(F&& f) {
  if (!embedding_segment_.entries().empty()) {
    embedding_segment_.set_trainable(embedding_trains());
    f(std::string(), embedding_segment_);
  }
  body_.for_each_segment([&](auto& segment) { f(std::string(), segment); });
  f(std::string(), head_segment_);
}

ACCRETE_END_NAMESPACE

#include <accrete/model/decoder_passes.hpp>
#include <accrete/model/vocabulary_growth.hpp>
