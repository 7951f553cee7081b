/// Ensembles of small experts that differ in all but the substrate, and what their logits should be, by plain loops.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "support/finite_differences.hpp"
#include "support/models.hpp"
#include "support/tensors.hpp"

namespace accrete_test {

inline constexpr Index fusion_vocabulary = 23;
inline constexpr accrete::BlockConfig narrow_block{
    .model_dim = 16, .head_count = 2, .hidden_dim = 24};
inline constexpr accrete::BlockConfig wide_block{
    .model_dim = 24, .head_count = 3, .hidden_dim = 16};

/// Grown stage by stage, and far from the small weights that models start with.
template <class Model>
[[nodiscard]] Model grown_expert(std::vector<Index> const& stages,
                                 accrete::BlockConfig const& block, std::uint64_t seed,
                                 typename Model::Backend backend = typename Model::Backend{}) {
  Model model{std::move(backend),
              random_substrate(fusion_vocabulary, 8),
              {.seed = seed, .planned_depth = 3, .block = block}};
  for (Index const blocks : stages) model.body().grow(blocks);
  model.for_each_segment([](std::string const&, auto& segment) {
    for (auto& value : segment.values().span()) value *= 5;
  });
  return model;
}

/// Random values for the fusion's own parameters, which all start at nothing.
template <class Model>
void randomize_fusion(Model& model, double deviation = 0.3) {
  using T = accrete::TypeOf<typename Model::Backend, accrete::Master>;
  for (auto const& entry : model.fusion_segment().entries()) {
    auto const values = random_values(entry.name, entry.count, 0, deviation);
    std::transform(values.begin(), values.end(),
                   model.fusion_segment().values().data() + entry.offset,
                   [](double value) { return static_cast<T>(value); });
  }
}

/// What one expert makes of some tokens.
struct ExpertOutput {
  std::vector<double> logits;  // (N,V)
  std::vector<double> hidden;  // (N,C), that of its first term
  Index width = 0;
};

template <class Model>
[[nodiscard]] ExpertOutput output_of(Model const& model, std::vector<TokenId> const& tokens,
                                     Index batch) {
  auto const ids = batch_view<typename Model::Backend>(tokens, batch);
  typename Model::Session session(model, {.batch = ids.size(0), .time = ids.size(1)});
  model.forward(session, ids);
  auto const logits = logits_of(model, session);
  ExpertOutput output{{logits.begin(), logits.end()}, {}, 0};
  if constexpr (requires { model.classifier(session)[0].hidden; }) {
    auto const hidden = model.classifier(session)[0].hidden;
    output.hidden.assign(hidden.span().begin(), hidden.span().end());
    output.width = hidden.size(1);
  }
  return output;
}

/// The parameters of a model's fusion by name: "fusion.up".
template <class Model>
[[nodiscard]] Values fusion_parameters(Model const& model) {
  Values values;
  for (auto const& entry : model.fusion_segment().entries()) {
    auto const run =
        model.fusion_segment().values().slice(entry.offset, entry.offset + entry.count).span();
    values[entry.name] = {run.begin(), run.end()};
  }
  return values;
}

/// logits[n,v] = sum_e weight(n, e) * logits_e[n,v]
template <class Weight>
[[nodiscard]] std::vector<double> weighted_sum(std::vector<ExpertOutput> const& experts,
                                               Weight&& weight) {
  std::vector<double> sum(experts[0].logits.size());
  for (std::size_t i = 0; i < sum.size(); ++i)
    for (std::size_t e = 0; e < experts.size(); ++e)
      sum[i] += weight(i / fusion_vocabulary, e) * experts[e].logits[i];
  return sum;
}

[[nodiscard]] inline std::vector<double> fused(accrete::MeanOfLogits,
                                               std::vector<ExpertOutput> const& experts,
                                               Values const&) {
  return weighted_sum(
      experts, [&](std::size_t, std::size_t) { return 1.0 / static_cast<double>(experts.size()); });
}

[[nodiscard]] inline std::vector<double> fused(accrete::WeightedMean const&,
                                               std::vector<ExpertOutput> const& experts,
                                               Values const& parameters) {
  return weighted_sum(
      experts, [&](std::size_t, std::size_t e) { return parameters.at("fusion.weights")[e]; });
}

[[nodiscard]] inline std::vector<double> fused(accrete::MeanOfProbabilities,
                                               std::vector<ExpertOutput> const& experts,
                                               Values const&) {
  std::vector<double> mean(experts[0].logits.size());
  for (auto const& expert : experts)
    for (std::size_t n = 0; n < mean.size(); n += fusion_vocabulary) {
      double sum = 0;
      for (std::size_t v = 0; v < fusion_vocabulary; ++v) sum += std::exp(expert.logits[n + v]);
      for (std::size_t v = 0; v < fusion_vocabulary; ++v)
        mean[n + v] += std::exp(expert.logits[n + v]) / sum / static_cast<double>(experts.size());
    }
  for (double& value : mean) value = std::log(value);
  return mean;
}

[[nodiscard]] inline std::vector<double> fused(accrete::LogitAdapter const& settings,
                                               std::vector<ExpertOutput> const& experts,
                                               Values const& parameters) {
  auto logits = fused(accrete::MeanOfLogits{}, experts, parameters);
  auto const rank = static_cast<std::size_t>(settings.rank);
  auto const& up = parameters.at("fusion.up");
  for (std::size_t n = 0; n < logits.size(); n += fusion_vocabulary)
    for (std::size_t r = 0; r < rank; ++r) {
      double hidden = 0;
      for (std::size_t e = 0; e < experts.size(); ++e)
        for (std::size_t v = 0; v < fusion_vocabulary; ++v)
          hidden += parameters.at("fusion.down." + std::to_string(e))[r * fusion_vocabulary + v] *
                    experts[e].logits[n + v];
      for (std::size_t v = 0; v < fusion_vocabulary; ++v)
        logits[n + v] += up[v * rank + r] * hidden;
    }
  return logits;
}

/// For experts with one term each.
[[nodiscard]] inline std::vector<double> fused(accrete::LearnedGate,
                                               std::vector<ExpertOutput> const& experts,
                                               Values const& parameters) {
  std::size_t const tokens = experts[0].logits.size() / fusion_vocabulary, count = experts.size();
  std::vector<double> weights(tokens * count);
  for (std::size_t n = 0; n < tokens; ++n) {
    double sum = 0;
    for (std::size_t e = 0; e < count; ++e) {
      double score = parameters.at("fusion.bias")[e];
      for (std::size_t j = 0; j < count; ++j) {
        auto const width = static_cast<std::size_t>(experts[j].width);
        for (std::size_t c = 0; c < width; ++c)
          score += parameters.at("fusion.hidden." + std::to_string(j))[e * width + c] *
                   experts[j].hidden[n * width + c];
      }
      sum += weights[n * count + e] = std::exp(score);
    }
    for (std::size_t e = 0; e < count; ++e) weights[n * count + e] /= sum;
  }
  return weighted_sum(experts,
                      [&](std::size_t n, std::size_t e) { return weights[n * count + e]; });
}

/// The gradients of all that trains, and differences of every `stride`-th parameter beside them. The loss is taken in
/// chunks of three tokens.
struct GradientCheck {
  std::vector<double> gradients, differences;
  std::vector<std::string> segments;
};

template <class Model>
[[nodiscard]] GradientCheck check_gradients(Model& model, std::size_t stride, Index tokens = 8) {
  using namespace accrete;
  GradientCheck check;
  auto const inputs = random_tokens(tokens, fusion_vocabulary, 2);
  auto targets = random_tokens(tokens, fusion_vocabulary, 3);
  targets[2] = ignored_target;
  auto const ids = batch_view<Double>(inputs, 2), wanted = batch_view<Double>(targets, 2);
  typename Model::Session session(model, {.batch = 2, .time = tokens / 2, .training = true});
  LossScratch<Double> scratch(Double{}, tokens, fusion_vocabulary, 3 * fusion_vocabulary * 8);
  ActiveSet<Double> active(model);
  static_cast<void>(
      evaluate_loss_and_gradients(model, session, ids, wanted, scratch, active.gradients(), 0.25));
  for (auto const& part : active.segments()) {
    check.segments.push_back(part.prefix + part.segment->name());
    auto const values = part.segment->values().span();
    for (std::size_t i = 0; i < values.size(); i += stride) {
      check.gradients.push_back(part.gradient.span()[i]);
      check.differences.push_back(finite_differences(values.subspan(i, 1), [&] {
        return evaluate_loss(model, session, ids, wanted, scratch).sum * 0.25;
      })[0]);
    }
  }
  return check;
}

}  // namespace accrete_test
