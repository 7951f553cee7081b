#include "ensemble_cases.hpp"

#include <accrete/accrete.hpp>
#include <array>
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

/// Seconds for the tokens by two experts, each on all threads of `cpu`, and with or without the other beside it.
class Pair {
 public:
  Pair(CpuBackend const& cpu, Index model_dim)
      : cpu_(cpu), merged_{make_expert(cpu, model_dim, 1), make_expert(cpu, model_dim, 2)} {}

  double together(std::vector<float>& logits) const {
    typename Merged::Session session(merged_, plan_);
    return time_samples(1, [&] {
      session.rewind(0, 0);
      decode_text(
          cpu_, logits, [&](auto ids) { merged_.decode_step(session, ids); },
          [&] { return merged_.classifier(session); });
    })[0];
  }

  double in_turn(std::vector<float>& logits) const {
    Expert::Session first(merged_.expert<0>(), plan_), second(merged_.expert<1>(), plan_);
    return time_samples(1, [&] {
      first.rewind(0, 0);
      second.rewind(0, 0);
      decode_text(
          cpu_, logits,
          [&](auto ids) {
            merged_.expert<0>().decode_step(first, ids);
            merged_.expert<1>().decode_step(second, ids);
          },
          [&] {
            std::array terms{merged_.expert<0>().classifier(first)[0],
                             merged_.expert<1>().classifier(second)[0]};
            for (auto& term : terms) term.scale = 0.5;
            return terms;
          });
    })[0];
  }

 private:
  using Merged = Ensemble<Expert, Expert>;

  CpuBackend cpu_;
  Merged merged_;
  SessionPlan plan_{.cache = tokens};
};

Json run_pair(Index model_dim, bool with_logits, int repeats, int threads) {
  Pair const pair(CpuBackend(threads), model_dim), with_one_thread(CpuBackend(1), model_dim);
  std::vector<float> logits(with_logits ? vocabulary : 0);
  std::vector<double> together, in_turn, in_one_thread;
  for (int i = 0; i < repeats; ++i) {
    together.push_back(pair.together(logits));
    in_turn.push_back(pair.in_turn(logits));
    in_one_thread.push_back(with_one_thread.in_turn(logits));
  }
  double const per_token = 1e3 / static_cast<double>(tokens);
  return Json::object(
      {{"case", "d " + std::to_string(model_dim) + (with_logits ? ", with logits" : "")},
       {"milliseconds_together", median(together) * per_token},
       {"milliseconds_in_turn", median(in_turn) * per_token},
       {"milliseconds_in_one_thread", median(in_one_thread) * per_token},
       {"ratio", median(together) / median(in_turn)},
       {"ratio_to_one_thread", median(together) / median(in_one_thread)}});
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
