/// A trained decoder on a larger substrate: Decoder::grow_vocabulary. Include decoder.hpp.
#pragma once

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <accrete/model/decoder.hpp>
#include <accrete/substrate/substrate_difference.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
void Decoder<Embedding, BodyType, Head>::grow_vocabulary(Substrate larger) {
  if (!substrate_.is_ancestor_of(larger))
    throw MismatchError(
        message("decoder: its vocabulary grows only onto a substrate that extends its own: ",
                difference(substrate_, larger)));
  EmbeddingLayer embedding(backend_, larger, body_.model_dim());
  HeadLayer head(body_.model_dim(), larger.vocabulary_size());
  auto const grown = [this](Segment<Backend> const& old, auto& layer) {
    Segment<Backend> segment(backend_, old.name());
    bind(segment, layer);
    copy_common_rows(old, segment);
    segment.train_as(old);
    return segment;
  };
  auto embedding_segment = grown(embedding_segment_, embedding);
  auto head_segment = grown(head_segment_, head);
  check_same_vectors(embedding);

  embedding_ = std::move(embedding);
  head_ = std::move(head);
  embedding_segment_ = std::move(embedding_segment);
  head_segment_ = std::move(head_segment);
  substrate_ = larger;
  ++revision_;
}

template <class Embedding, Body BodyType, class Head>
requires FormDecoder<Embedding, BodyType, Head>
void Decoder<Embedding, BodyType, Head>::check_same_vectors(EmbeddingLayer const& larger) const {
  constexpr Index chunk = 256;
  HostInput<Backend, TokenId> ids_on_backend;
  auto const planned = plan_on(backend_, [&](Workspace<Backend>& workspace) {
    return workspace.template tensor<Element>(Index{1}, chunk, body_.model_dim());
  });
  auto const vectors = [&](EmbeddingLayer const& layer, std::vector<TokenId> const& ids) {
    auto const count = static_cast<Index>(ids.size());
    View<Backend, Element, 3> const rows{planned.second.data(), {1, count, body_.model_dim()}};
    HostView<TokenId const, 2> const row{ids.data(), {1, count}};
    layer.forward(backend_, ids_on_backend.on(backend_, row), rows);
    auto const values = host_copy(backend_, rows);
    std::vector<TypeOf<Backend, Element>> copy;
    copy.assign(values.begin(), values.end());
    return copy;
  };
  for (Index begin = 0; begin < substrate_.vocabulary_size(); begin += chunk) {
    std::vector<TokenId> ids(
        static_cast<std::size_t>(std::min(chunk, substrate_.vocabulary_size() - begin)));
    std::iota(ids.begin(), ids.end(), static_cast<TokenId>(begin));
    if (vectors(embedding_, ids) != vectors(larger, ids))
      throw MismatchError(
          message("decoder: on the larger vocabulary the embedding ", embedding_.describe().dump(),
                  " would give older tokens other vectors, as ", larger.describe().dump()));
  }
}

ACCRETE_END_NAMESPACE
