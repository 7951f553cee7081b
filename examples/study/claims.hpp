/// What the papers claim and what we see.
#pragma once

#include <string>
#include <vector>

#include "measures.hpp"
#include "results.hpp"

namespace study {

enum class Verdict { shown, not_shown, not_testable };
inline constexpr accrete::NameTable<Verdict, 3> verdict_names{
    {{{Verdict::shown, "shown"},
      {Verdict::not_shown, "not shown"},
      {Verdict::not_testable, "not testable at this scale"}}}};

struct Claim {
  std::string claim{};
  Verdict verdict = Verdict::not_testable;
  std::string numbers{};
};

/// A difference whose whole interval lies below `limit`.
[[nodiscard]] inline Verdict below(Estimate const& difference, double limit = 0) {
  if (difference.count < 2) return Verdict::not_testable;
  return difference.high() < limit ? Verdict::shown : Verdict::not_shown;
}

[[nodiscard]] inline std::vector<Claim> find_claims(Results const& results,
                                                    Measures const& measures) {
  auto const run = [](Ground ground, Protocol protocol) {
    return Cell{.ground = ground, .protocol = protocol};
  };
  auto const merge = [](Ground ground) { return Cell{.task = Task::merge, .ground = ground}; };
  auto const loss = [&](Ground ground, Protocol protocol) {
    return results.numbers(run(ground, protocol), "validation_loss");
  };
  auto const nats = [](Estimate const& difference) { return difference.text(4) + " nats a token"; };
  auto const bits = [](Estimate const& difference) {
    return difference.text(3) + " bits a character";
  };
  std::vector<Claim> claims;

  auto const frozen = paired_difference(loss(Ground::glyph, Protocol::monolithic),
                                        loss(Ground::learned, Protocol::monolithic));
  claims.push_back(
      {"A model on frozen glyphs trains as well as one on a learned embedding (monolithic, "
       "validation loss)",
       below(frozen, 0.01), "glyph less learned: " + nats(frozen) + "; shown if below 0.01"});
  auto const grounds = paired_difference(loss(Ground::glyph, Protocol::monolithic),
                                         loss(Ground::bits, Protocol::monolithic));
  claims.push_back({"Pictures of glyphs serve better than the token's number in binary",
                    below(grounds), "glyph less 16-bit: " + nats(grounds)});

  for (int stage = 1; stage < 3; ++stage) {
    auto const at = [&](int index) {
      return results.over_seeds(run(Ground::glyph, Protocol::grown), [index](Json const& json) {
        return json.at("stages")
            .as_array()
            .at(static_cast<std::size_t>(index))
            .at("validation_loss")
            .as_double();
      });
    };
    auto const fall = paired_difference(at(stage), at(stage - 1));
    claims.push_back(
        {accrete::message("Growth lowers the loss: stage ", stage + 1, " ends below stage ", stage),
         below(fall), nats(fall)});
  }
  auto const dense = paired_difference(loss(Ground::glyph, Protocol::grown),
                                       loss(Ground::glyph, Protocol::monolithic));
  claims.push_back(
      {"A grown model pays for it in loss against a monolithic one of the same size and tokens",
       dense.count < 2   ? Verdict::not_testable
       : dense.low() > 0 ? Verdict::shown
                         : Verdict::not_shown,
       "grown less monolithic: " + nats(dense)});
  auto const lora =
      paired_difference(loss(Ground::glyph, Protocol::lora), loss(Ground::glyph, Protocol::grown));
  claims.push_back({"A LoRA phase over the frozen blocks improves a grown model at equal tokens",
                    below(lora), "with less without: " + nats(lora)});

  auto const merged = results.over_seeds(merge(Ground::glyph), merged_bits("mean of logits"));
  for (std::string const name : {"expert a", "expert b"}) {
    auto const gain =
        paired_difference(merged, results.over_seeds(merge(Ground::glyph), merged_bits(name)));
    claims.push_back({"The untrained merge is better than " + name + ", over all languages",
                      below(gain), bits(gain)});
  }
  auto const own = [&](Ground ground) {  // what each expert loses on its own languages
    auto const after = results.over_seeds(merge(ground), [&](Json const& json) {
      return mean_of(json.at("models").at("mean of logits").at("bits"),
                     languages_of(measures, Diet::first)) +
             mean_of(json.at("models").at("mean of logits").at("bits"),
                     languages_of(measures, Diet::second));
    });
    auto const before = results.over_seeds(merge(ground), [&](Json const& json) {
      return mean_of(json.at("models").at("expert a").at("bits"),
                     languages_of(measures, Diet::first)) +
             mean_of(json.at("models").at("expert b").at("bits"),
                     languages_of(measures, Diet::second));
    });
    std::vector<double> loss_of;
    for (std::size_t i = 0; i < after.size(); ++i) loss_of.push_back((after[i] - before[i]) / 2);
    return loss_of;
  };
  auto const forgotten = estimate(own(Ground::glyph));
  claims.push_back({"The untrained merge forgets nothing of the experts' own languages",
                    below(forgotten), "after less before: " + bits(forgotten)});
  auto const docking = paired_difference(own(Ground::glyph), own(Ground::learned));
  claims.push_back(
      {"The shared frozen substrate is what makes merging work: glyph experts lose less than "
       "experts on "
       "learned embeddings that are merged in the same way",
       below(docking), "loss on glyphs less loss on learned embeddings: " + bits(docking)});
  auto const heads = paired_difference(
      results.over_seeds(merge(Ground::glyph), merged_bits("tuned heads")), merged);
  claims.push_back(
      {"A short fine-tuning of the heads improves the merge", below(heads), bits(heads)});
  auto const whole = results.over_seeds({.task = Task::union_run},
                                        [](Json const& json) { return mean_of(json.at("bits")); });
  auto const cost = paired_difference(
      results.over_seeds(merge(Ground::glyph), merged_bits("tuned heads")), whole);
  claims.push_back(
      {"The merge with tuned heads is as good as one model trained on both texts, with as many "
       "tokens (but those of the tuning) and about as many parameters",
       below(cost, 0.01), "merge less union: " + bits(cost)});
  claims.push_back({"Scores on MMLU and SQuAD rise with depth", Verdict::not_testable,
                    "models of this size answer at chance"});

  auto const codes = paired_difference(loss(Ground::glyph, Protocol::monolithic),
                                       loss(Ground::code, Protocol::monolithic));
  claims.push_back({"Ours: pictures of glyphs serve better than random codes of the same width",
                    below(codes), "glyph less random code: " + nats(codes)});
  auto const zero =
      paired_difference(loss(Ground::glyph, Protocol::zero), loss(Ground::glyph, Protocol::grown));
  auto const spike = [&](Protocol protocol) {
    return results.over_seeds(run(Ground::glyph, protocol), [](Json const& json) {
      double sum = 0;
      for (Json const& value : json.at("spikes").as_array()) sum += value.as_double() / 2;
      return sum;
    });
  };
  auto const spikes = paired_difference(spike(Protocol::zero), spike(Protocol::grown));
  claims.push_back(
      {"Ours: blocks that start with zero output remove the jump of the loss at growth",
       below(spikes),
       nats(spikes) + "; the jump itself with: " + estimate(spike(Protocol::zero)).text(4) +
           ", without: " + estimate(spike(Protocol::grown)).text(4)});
  claims.push_back(
      {"Ours: and the model ends better", below(zero), "zero less random start: " + nats(zero)});
  auto const probabilities = paired_difference(
      results.over_seeds(merge(Ground::glyph), merged_bits("mean of probabilities")), merged);
  claims.push_back({"Ours: the mean of probabilities beats the published mean of logits",
                    below(probabilities), bits(probabilities)});
  auto const gate =
      paired_difference(results.over_seeds(merge(Ground::glyph), merged_bits("gate")), merged);
  claims.push_back({"Ours: a learned gate beats the mean", below(gate), bits(gate)});
  auto const ratio = estimate(results.numbers({.task = Task::cache}, "ratio"));
  auto const predicted = estimate(results.numbers({.task = Task::cache}, "predicted_ratio"));
  claims.push_back(
      {"Ours: a prefix cache lowers the cost of a step as the count of products predicts (within "
       "15 %)",
       ratio.count < 2 ? Verdict::not_testable
       : ratio.high() < 1.15 * predicted.mean && ratio.low() > 0.85 * predicted.mean &&
               ratio.high() < 1
           ? Verdict::shown
           : Verdict::not_shown,
       "seconds with over without: " + ratio.text() + ", predicted: " + predicted.text()});
  for (std::string const text : {"mixed", "look-alike"}) {
    if (!measures.odd.contains(text)) continue;
    auto const of = [&](Ground ground) {
      return results.over_seeds(merge(ground), merged_bits("mean of logits", {text}, "odd"));
    };
    auto const difference = paired_difference(of(Ground::glyph), of(Ground::bits));
    claims.push_back({text == "mixed" ? "Ours: on documents that mix languages the merge on glyphs "
                                        "is better than on 16-bit ids"
                                      : "Ours: on text with look-alike letters the merge on glyphs "
                                        "is better than on 16-bit ids",
                      below(difference), "glyph less 16-bit: " + bits(difference)});
  }
  return claims;
}

}  // namespace study
