/// What a decoder computes: forward, backward, decoding.
#pragma once

#include <accrete/model/decoder.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
auto Decoder<Embedding, BodyType, Head>::state_for(Workspace<Backend>& workspace, Index batch,
                                                   Index time, bool training) const -> State {
  auto const hidden = [&] {
    return workspace.template tensor<Element>(batch, time, body_.model_dim());
  };
  State state;
  state.body = body_.state_for(workspace, batch, time, training);
  state.embedded = hidden();
  state.features = hidden();
  state.head = head_.activations_for(workspace, batch, time);
  if (training) {
    state.head_scratch = head_.scratch_for(workspace, batch, time);
    state.grad_features = hidden();
  }
  return state;
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
void Decoder<Embedding, BodyType, Head>::check_ready() const {
  if (number_.value() == 0)
    throw MismatchError("decoder: it was moved from; use the model that it was moved to");
  if (body_.depth() == 0)
    throw ValueError("decoder: the body has no blocks yet; call body().grow(n) first");
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
void Decoder<Embedding, BodyType, Head>::forward(Session& session,
                                                 HostView<TokenId const, 2> ids) const {
  check_ready();
  check_ids(ids);
  State& state = session.begin(*this, ids.size(0), ids.size(1));
  embedding_.forward(backend_, session.on_backend(ids), state.embedded);
  body_.forward(backend_, state.embedded, state.features, state.body);
  head_.forward(backend_, state.features, state.head, state.head_scratch);
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
auto Decoder<Embedding, BodyType, Head>::forward_prefix(Session& session,
                                                        HostView<TokenId const, 2> ids) const
    -> View<Backend, Element const, 3> {
  check_ready();
  check_ids(ids);
  State& state = session.begin(*this, ids.size(0), ids.size(1));
  embedding_.forward(backend_, session.on_backend(ids), state.embedded);
  body_.forward_prefix(backend_, state.embedded, state.features, state.body);
  return state.features;
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
bool Decoder<Embedding, BodyType, Head>::trains(Gradients<Backend> const& gradients) const {
  bool any = gradients.reach(head_segment_.elements()) ||
             (embedding_trains() && gradients.reach(embedding_segment_.elements()));
  body_.for_each_segment(
      [&](auto const& segment) { any = any || gradients.reach(segment.elements()); });
  return any;
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
void Decoder<Embedding, BodyType, Head>::backward(Session& session,
                                                  Gradients<Backend> const& gradients,
                                                  HostView<TokenId const, 2> ids) const {
  if (!session.plan().training)
    throw ShapeError("session: planned without training; set SessionPlan::training for backward");
  State& state = session.begin(*this, ids.size(0), ids.size(1));
  if (!trains(gradients)) return;
  head_.backward(backend_, gradients, state.features, state.grad_features, state.head,
                 state.head_scratch);
  auto const grad_embedded = body_.backward(backend_, gradients, state.grad_features, state.body);
  if (embedding_trains())
    embedding_.backward(backend_, gradients, session.on_backend(ids), grad_embedded);
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
void Decoder<Embedding, BodyType, Head>::stage_step(Session& session,
                                                    HostView<TokenId const, 2> ids) const {
  check_ready();
  check_ids(ids);
  session.begin(*this, ids.size(0), ids.size(1));
  session.stage(ids);
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
void Decoder<Embedding, BodyType, Head>::run_step(Session& session) const {
  State& state = session.state();
  embedding_.forward(backend_, session.ids(), state.embedded);
  body_.decode_step(backend_, session.cache(), session.positions(), state.embedded, state.features,
                    state.body);
  head_.forward(backend_, state.features, state.head, state.head_scratch);
}

ACCRETE_END_NAMESPACE
