#include "ensemble_cases.hpp"

#include <accrete/accrete.hpp>
#include <string>
#include <vector>

#include "blank_substrate.hpp"
#include "machine.hpp"

namespace bench {
namespace {

using namespace accrete;

using Expert =
    Decoder<FrozenGlyphEmbedding, Growable<Stack<TransformerBlock<dynamic_block, CpuBackend>>>>;
constexpr Index vocabulary = 8192, layers = 4, tokens = 48;

Expert make_expert(CpuBackend const& cpu, Index model_dim, std::uint64_t seed) {
  Expert expert{
      cpu,
      blank_substrate(vocabulary),
      {.seed = seed,
       .planned_depth = layers,
       .block = {
           .model_dim = model_dim, .head_count = model_dim / 32, .hidden_dim = 4 * model_dim}}};
  expert.body().grow(layers);
  return expert;
}

/// Makes the hidden states of each token, and its logits if `logits` has room for them.
template <class Decode, class Classifier>
void decode_text(CpuBackend const& cpu, std::vector<float>& logits, Decode&& decode,
                 Classifier&& classifier) {
  for (Index i = 0; i < tokens; ++i) {
    TokenId const token = static_cast<TokenId>(i * 37 % vocabulary);
    decode(HostView<TokenId const, 2>(&token, {1, 1}));
    if (!logits.empty())
      classifier_logits<CpuBackend>(cpu, classifier(), 0, {logits.data(), {1, vocabulary}});
  }
}

Json run_pair(Index model_dim, bool with_logits, int repeats, int threads) {
  CpuBackend const cpu(threads);
  Ensemble merged{make_expert(cpu, model_dim, 1), make_expert(cpu, model_dim, 2)};
  SessionPlan const plan{.cache = tokens};
  std::vector<float> logits(with_logits ? vocabulary : 0);
  auto const together = [&] {
    decltype(merged)::Session session(merged, plan);
    return time_samples(1, [&] {
      session.rewind(0, 0);
      decode_text(
          cpu, logits, [&](auto ids) { merged.decode_step(session, ids); },
          [&] { return merged.classifier(session); });
    })[0];
  };
  auto const in_turn = [&] {
    Expert::Session first(merged.expert<0>(), plan), second(merged.expert<1>(), plan);
    return time_samples(1, [&] {
      first.rewind(0, 0);
      second.rewind(0, 0);
      decode_text(
          cpu, logits,
          [&](auto ids) {
            merged.expert<0>().decode_step(first, ids);
            merged.expert<1>().decode_step(second, ids);
          },
          [&] {
            std::array terms{merged.expert<0>().classifier(first)[0],
                             merged.expert<1>().classifier(second)[0]};
            for (auto& term : terms) term.scale = 0.5;
            return terms;
          });
    })[0];
  };
  std::vector<double> both, each;
  for (int i = 0; i < repeats; ++i) {
    both.push_back(together());
    each.push_back(in_turn());
  }
  double const per_token = 1e3 / static_cast<double>(tokens);
  return Json::object(
      {{"case", "d " + std::to_string(model_dim) + (with_logits ? ", with logits" : "")},
       {"milliseconds_together", median(both) * per_token},
       {"milliseconds_in_turn", median(each) * per_token},
       {"ratio", median(both) / median(each)}});
}

}  // namespace

Json run_ensemble_cases(int repeats, int threads) {
  Json rows = Json::array();
  for (Index const model_dim : {64, 128, 256, 512})
    for (bool const with_logits : {false, true})
      rows.push_back(run_pair(model_dim, with_logits, 2 * repeats + 1, threads));
  return rows;
}

}  // namespace bench
