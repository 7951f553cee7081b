/// The best weights of a WeightedMean, found on text.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include <accrete/evaluate/perplexity.hpp>
#include <accrete/model/basic_ensemble.hpp>

ACCRETE_BEGIN_NAMESPACE

struct WeightFitOptions {
  ScoringOptions scoring{};  ///< how the text is cut into windows
  double tolerance = 1e-9;   ///< nats a token: how far above the minimum the loss may end
  Index most_passes = 60;    ///< over the text
};

/// What `fit_weights` found.
struct WeightFit {
  std::vector<double> weights{};
  double start_loss = 0;     ///< nats a token with the weights before
  double loss = 0;           ///< nats a token with those found
  double above_minimum = 0;  ///< the estimate of what is left: half the squared Newton decrement
  Index passes = 0;
  Index tokens = 0;
};

/// An ensemble whose fusion has one weight for each expert.
template <class Model>
concept HasExpertWeightsToFit = LanguageModel<Model> &&
    requires(Model& model, std::span<double const> weights) {
  model.fusion().set_weights(weights);
  { model.fusion().weights() } -> std::same_as<std::vector<double>>;
};

namespace detail {

/// Mean loss of a text as a function of the weights, with its derivatives. With d_e[v] = logits_e[v] - logits_e[target]
/// and p = softmax(sum_e w_e d_e): the loss of a token is log sum_v exp(sum_e w_e d_e[v]), its gradient mean_p d_e, its
/// Hessian the covariance of d_e and d_f under p. So the loss is convex.
struct WeightedLoss {
  double value = 0;
  std::vector<double> gradient{};  // (E)
  std::vector<double> hessian{};   // (E,E)
  Index tokens = 0;

  explicit WeightedLoss(Index experts)
      : gradient(static_cast<std::size_t>(experts)),
        hessian(static_cast<std::size_t>(experts * experts)) {}
};

/// -(H + damping I)^-1 g by Cholesky's method, or nothing where the matrix is not positive definite.
[[nodiscard]] inline std::vector<double> newton_step(WeightedLoss const& loss, double damping) {
  std::size_t const n = loss.gradient.size();
  std::vector<double> lower = loss.hessian, step(n);
  for (std::size_t i = 0; i < n; ++i) {
    lower[i * n + i] += damping;
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = lower[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= lower[i * n + k] * lower[j * n + k];
      if (i == j && !(sum > 0)) return {};
      lower[i * n + j] = i == j ? std::sqrt(sum) : sum / lower[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    double sum = -loss.gradient[i];
    for (std::size_t k = 0; k < i; ++k) sum -= lower[i * n + k] * step[k];
    step[i] = sum / lower[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    double sum = step[i];
    for (std::size_t k = i + 1; k < n; ++k) sum -= lower[k * n + i] * step[k];
    step[i] = sum / lower[i * n + i];
  }
  return step;
}

/// Evaluates the loss over one text, again and again. Sums run in double over tokens in order, so that they do not
/// depend on threads.
template <class Model>
class WeightedLossOfText {
 public:
  using Backend = typename Model::Backend;
  using T = TypeOf<Backend, Element>;

  WeightedLossOfText(Model const& model, std::span<TokenId const> tokens, TokenId first,
                     ScoringOptions options)
      : model_(model),
        tokens_(tokens),
        first_(first),
        options_(options),
        vocabulary_(model.substrate().vocabulary_size()),
        chunk_(std::clamp<Index>(most_numbers / (vocabulary_ * model.size()), 1,
                                 options.batch * options.time)),
        session_(model, {.batch = options.batch, .time = options.time}),
        made_(plan_on(model.backend(),
                      [&](Workspace<Backend>& workspace) {
                        return workspace.template tensor<Element>(chunk_, vocabulary_);
                      })),
        logits_(static_cast<std::size_t>(model.size() * chunk_ * vocabulary_)),
        parts_(static_cast<std::size_t>(chunk_), WeightedLoss(model.size())) {}

  [[nodiscard]] WeightedLoss operator()(std::vector<double> const& weights) {
    WeightedLoss total(model_.size());
    for_each_window(tokens_, first_, options_, [&](auto inputs, auto targets, Index windows) {
      model_.forward(session_, {inputs.data(), {windows, options_.time}});
      auto const count = static_cast<Index>(targets.size());
      for (Index begin = 0; begin < count; begin += chunk_)
        add_chunk(weights, begin,
                  targets.subspan(static_cast<std::size_t>(begin),
                                  static_cast<std::size_t>(std::min(chunk_, count - begin))),
                  total);
    });
    for (auto* values : {&total.gradient, &total.hessian})
      for (double& value : *values) value /= static_cast<double>(std::max<Index>(total.tokens, 1));
    total.value /= static_cast<double>(std::max<Index>(total.tokens, 1));
    return total;
  }

 private:
  static constexpr Index most_numbers = Index{4} << 20;  // of logits that are kept at once

  void add_chunk(std::vector<double> const& weights, Index begin, std::span<TokenId const> targets,
                 WeightedLoss& total) {
    auto const count = static_cast<Index>(targets.size());
    for (Index e = 0; e < model_.size(); ++e)
      model_.visit_expert(e, session_, [&](auto const& expert, auto const& session) {
        auto const made = made_.second.slice(0, count);
        classifier_logits<Backend>(
            model_.backend(), first_tokens(expert.classifier(session), vocabulary_), begin, made);
        std::ranges::copy(host_copy(model_.backend(), made),
                          logits_.begin() + e * chunk_ * vocabulary_);
      });
    auto const evaluate = [&](Index n) {
      TokenId const target = targets[static_cast<std::size_t>(n)];
      if (target != ignored_target)
        parts_[static_cast<std::size_t>(n)] = loss_of_token(weights, n, target);
    };
    if constexpr (requires { model_.backend().pool(); })
      model_.backend().pool().parallel_for(count, evaluate);
    else
      for (Index n = 0; n < count; ++n) evaluate(n);
    for (Index n = 0; n < count; ++n) {
      if (targets[static_cast<std::size_t>(n)] == ignored_target) continue;
      WeightedLoss const& part = parts_[static_cast<std::size_t>(n)];
      total.value += part.value;
      for (std::size_t i = 0; i < part.gradient.size(); ++i) total.gradient[i] += part.gradient[i];
      for (std::size_t i = 0; i < part.hessian.size(); ++i) total.hessian[i] += part.hessian[i];
      ++total.tokens;
    }
  }

  [[nodiscard]] WeightedLoss loss_of_token(std::vector<double> const& weights, Index n,
                                           TokenId target) const {
    std::size_t const experts = weights.size();
    auto const difference = [&](std::size_t e, Index v) {
      T const* const row = logits_.data() + (static_cast<Index>(e) * chunk_ + n) * vocabulary_;
      return static_cast<double>(row[v]) - static_cast<double>(row[target]);
    };
    auto const exponent = [&](Index v) {
      double sum = 0;
      for (std::size_t e = 0; e < experts; ++e) sum += weights[e] * difference(e, v);
      return sum;
    };
    double greatest = 0;  // that of the target
    for (Index v = 0; v < vocabulary_; ++v) greatest = std::max(greatest, exponent(v));
    WeightedLoss loss(static_cast<Index>(experts));
    std::vector<double> d(experts);
    double sum = 0;
    for (Index v = 0; v < vocabulary_; ++v) {
      double const power = std::exp(exponent(v) - greatest);
      sum += power;
      for (std::size_t e = 0; e < experts; ++e) {
        d[e] = difference(e, v);
        loss.gradient[e] += power * d[e];
        for (std::size_t f = 0; f <= e; ++f) loss.hessian[e * experts + f] += power * d[e] * d[f];
      }
    }
    loss.value = greatest + std::log(sum);
    for (double& value : loss.gradient) value /= sum;
    for (std::size_t e = 0; e < experts; ++e)
      for (std::size_t f = 0; f <= e; ++f) {
        double const covariance =
            loss.hessian[e * experts + f] / sum - loss.gradient[e] * loss.gradient[f];
        loss.hessian[e * experts + f] = loss.hessian[f * experts + e] = covariance;
      }
    return loss;
  }

  Model const& model_;
  std::span<TokenId const> tokens_;
  TokenId first_;
  ScoringOptions options_;
  Index vocabulary_, chunk_;
  typename Model::Session session_;
  std::pair<Workspace<Backend>, View<Backend, Element, 2>> made_;  // (chunk,V)
  std::vector<T> logits_;                                          // (E,chunk,V)
  std::vector<WeightedLoss> parts_;                                // of each token of a chunk
};

}  // namespace detail

/// Gives the fusion the weights of the least loss on `tokens`, which no score should be taken on. `first` (`<s>`) stands
/// before each window.
///
/// Newton's method with a line search, in double over E numbers: the loss is convex, and few passes over the text reach
/// the minimum. Where experts agree so much that many weights are equally good, those near the start are taken. Throws
/// ValueError for a text without tokens, NumericError where the loss is not finite or has no minimum that `most_passes`
/// reach; the weights are then as before.
template <HasExpertWeightsToFit Model>
WeightFit fit_weights(Model& model, std::span<TokenId const> tokens, TokenId first,
                      WeightFitOptions const& options = {}) {
  if (tokens.empty()) throw ValueError("fit_weights: the text has no tokens");
  detail::WeightedLossOfText<Model> loss_of(model, tokens, first, options.scoring);
  WeightFit fit{.weights = model.fusion().weights()};
  auto const evaluate = [&](std::vector<double> const& weights) {
    if (++fit.passes > options.most_passes)
      throw NumericError(message("fit_weights: the loss is still ", fit.above_minimum,
                                 " above its minimum after ", options.most_passes,
                                 " passes; take more text or more passes"));
    return loss_of(weights);
  };
  detail::WeightedLoss now = evaluate(fit.weights);
  if (!std::isfinite(now.value))
    throw NumericError(message("fit_weights: the loss of the text is ", now.value));
  fit.start_loss = now.value;
  fit.tokens = now.tokens;
  for (;;) {
    double trace = 0;
    for (std::size_t e = 0; e < fit.weights.size(); ++e)
      trace += now.hessian[e * fit.weights.size() + e];
    std::vector<double> step;
    for (double damping = 1e-12 * trace + 1e-300; step.empty() && std::isfinite(damping);
         damping *= 10)
      step = detail::newton_step(now, damping);
    if (step.empty()) throw NumericError("fit_weights: the experts' logits are not finite");
    double slope = 0;
    for (std::size_t e = 0; e < step.size(); ++e) slope += now.gradient[e] * step[e];
    fit.above_minimum = -slope / 2;
    if (fit.above_minimum <= options.tolerance) break;
    for (double length = 1;; length /= 2) {
      std::vector<double> weights = fit.weights;
      for (std::size_t e = 0; e < step.size(); ++e) weights[e] += length * step[e];
      detail::WeightedLoss tried = evaluate(weights);
      if (!(tried.value <= now.value + 1e-4 * length * slope)) continue;
      now = std::move(tried);
      fit.weights = std::move(weights);
      break;
    }
  }
  fit.loss = now.value;
  model.fusion().set_weights(fit.weights);
  return fit;
}

ACCRETE_END_NAMESPACE
