/// Small models, substrates without text, and batches for the tests of whole networks.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <accrete/accrete.hpp>

#include "support/kernels.hpp"

namespace accrete_test {

using accrete::Index;
using accrete::TokenId;

using Double = accrete::ReferenceBackend<double>;
using Cpu = accrete::CpuBackend;

template <class Backend, class... Policies>
using DynamicBlock = accrete::TransformerBlock<accrete::dynamic_block, Backend, Policies...>;
template <class Backend, class Embedding = accrete::FrozenGlyphEmbedding>
using GrowingModel =
    accrete::Decoder<Embedding, accrete::Growable<accrete::Stack<DynamicBlock<Backend>>>>;

/// The models that most tests use; models.cpp has them compiled once.
using CpuModel = GrowingModel<Cpu>;
using DoubleModel = GrowingModel<Double>;

/// V tokens without meaning and a table of random rows, which `seed` changes.
[[nodiscard]] inline accrete::Substrate random_substrate(Index vocabulary, Index width,
                                                         std::uint64_t seed = 1) {
  std::vector<accrete::Token> tokens;
  for (char const* name : {"<pad>", "<s>", "</s>", "<unk>"})
    tokens.push_back({name, accrete::TokenKind::special});
  while (static_cast<Index>(tokens.size()) < vocabulary)
    tokens.push_back(
        {"<token_" + std::to_string(tokens.size()) + ">", accrete::TokenKind::special});
  accrete::RandomStream const stream(seed, 7);
  std::vector<float> table(static_cast<std::size_t>(vocabulary * width));
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<float>(stream.normals(i / 4)[i % 4]);
  return accrete::Substrate::from_table(accrete::Vocabulary(tokens, {}), std::move(table), width);
}

[[nodiscard]] inline std::vector<TokenId> random_tokens(Index count, Index vocabulary,
                                                        std::uint64_t seed = 1) {
  accrete::RandomStream const stream(seed, 8);
  std::vector<TokenId> tokens(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<TokenId>(stream.uniform(i) * static_cast<double>(vocabulary));
  return tokens;
}

template <class Backend>
[[nodiscard]] accrete::HostView<TokenId const, 2> batch_view(std::vector<TokenId> const& tokens,
                                                             Index batch) {
  return {tokens.data(), {batch, static_cast<Index>(tokens.size()) / batch}};
}

/// Logits (B*T,V) of the session's last call.
template <class Model>
[[nodiscard]] auto logits_of(Model const& model, typename Model::Session const& session) {
  using Backend = typename Model::Backend;
  Index const rows = session.batch() * session.time();
  Index const vocabulary = model.substrate().vocabulary_size();
  auto const [memory, logits] = accrete::plan_on(model.backend(), [&](auto& workspace) {
    return workspace.template tensor<accrete::Element>(rows, vocabulary);
  });
  accrete::classifier_logits<Backend>(model.backend(), model.classifier(session), 0, logits);
  auto const values = accrete::host_copy(model.backend(), logits);
  return std::vector(values.begin(), values.end());
}

/// Forward in a session of its own.
template <class Model>
[[nodiscard]] auto logits_of(Model const& model, std::vector<TokenId> const& tokens, Index batch) {
  auto const ids = batch_view<typename Model::Backend>(tokens, batch);
  typename Model::Session session(model, {.batch = ids.size(0), .time = ids.size(1)});
  model.forward(session, ids);
  return logits_of(model, session);
}

/// All parameters of a model, one after the other.
template <class Model>
[[nodiscard]] auto parameters_of(Model& model) {
  std::vector<accrete::TypeOf<typename Model::Backend, accrete::Master>> values;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    auto const all = accrete::host_copy(segment.backend(), segment.values());
    values.insert(values.end(), all.begin(), all.end());
  });
  return values;
}

[[nodiscard]] inline accrete::Batches random_batches(Index vocabulary, Index batch, Index time,
                                                     std::uint64_t seed = 1) {
  return {random_tokens(40 * batch * time, vocabulary, seed),
          {.batch = batch, .time = time, .seed = seed}};
}

}  // namespace accrete_test

#ifndef ACCRETE_USE_CBLAS  // models.cpp is compiled for Eigen's engine alone
extern template class accrete::TransformerBlock<accrete::dynamic_block, accrete_test::Cpu>;
extern template class accrete::TransformerBlock<accrete::dynamic_block, accrete_test::Double>;
extern template class accrete::Stack<accrete_test::DynamicBlock<accrete_test::Cpu>>;
extern template class accrete::Stack<accrete_test::DynamicBlock<accrete_test::Double>>;
extern template class accrete::Decoder<
    accrete::FrozenGlyphEmbedding,
    accrete::Growable<accrete::Stack<accrete_test::DynamicBlock<accrete_test::Cpu>>>>;
extern template class accrete::Decoder<
    accrete::FrozenGlyphEmbedding,
    accrete::Growable<accrete::Stack<accrete_test::DynamicBlock<accrete_test::Double>>>>;
extern template class accrete::Trainer<accrete_test::CpuModel>;
extern template class accrete::Trainer<accrete_test::DoubleModel>;
#endif
