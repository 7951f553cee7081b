/// The training loop.
#pragma once

#include <chrono>
#include <cmath>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <accrete/concepts/batch_source.hpp>
#include <accrete/model/loss.hpp>
#include <accrete/train/active_set.hpp>
#include <accrete/train/adamw.hpp>
#include <accrete/train/prefix_cache.hpp>
#include <accrete/train/schedule.hpp>
#include <accrete/train/step_guard.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What happened in one step.
struct StepReport {
  Index step = 0;   ///< steps done, this one included
  Index steps = 0;  ///< steps of the whole run
  double loss = 0;  ///< mean cross-entropy of the step's targets, in nats
  double learning_rate = 0;
  double gradient_norm = 0;
  Index tokens = 0;        ///< targets of this step
  Index total_tokens = 0;  ///< targets of the run so far
  double seconds = 0;      ///< wall time of this step
  Index skipped = 0;       ///< attempts before it, on other batches, that the guard turned down
  Index roll_backs = 0;    ///< how often the run went back to a checkpoint just before this step
  std::optional<double> validation_loss{};
  std::optional<double> prefix_hit_rate{};  ///< of the run so far, where there is a prefix cache
  std::string
      warning{};  ///< what has ceased to work in this step, or goes slowly, though training goes on
};

struct TrainerOptions {
  Index steps = 1000;
  Index accumulation = 1;  ///< batches a step, each weighted by its real targets
  double clip_norm = 1.0;  ///< gradients are scaled down to this norm; 0 turns clipping off
  Schedule schedule{};     ///< `schedule.steps` of 0 means `steps`
  StepGuardOptions
      guard{};  ///< what follows from losses and gradients that are not finite, or jump
  /// Needed for BadStep::roll_back: restores model and trainer, not the batches, from the last checkpoint.
  std::function<void()> roll_back{};
  std::optional<PrefixCacheOptions>
      prefix_cache{};                  ///< keeps what frozen blocks make of data that repeat
  Index validate_every = 0;            ///< steps between calls of `validate`; 0 means never
  std::function<double()> validate{};  ///< returns the validation loss
  std::function<void(StepReport const&)> on_step{};  ///< progress, logs, checkpoints
};

/// How `fit` ended.
struct FitResult {
  Index steps = 0;
  double last_loss = 0;
  bool stopped = false;  ///< by the stop token, before all steps were done
};

/// Trains what is trainable in `model`. It owns gradients, moments and a session; the model must outlive it and must
/// neither grow nor freeze meanwhile: a trainer made before says so.
template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
class Trainer {
 public:
  using Backend = typename Model::Backend;

  /// Throws ValueError for settings that cannot be meant.
  Trainer(Model& model, AdamW optimizer, TrainerOptions options = {});

  /// Steps until `options.steps` are done or a stop is asked for; a step that has begun is finished. A step whose loss
  /// or gradients are not finite never reaches a weight; as `options.guard` says, it is a NumericError, or the next
  /// batches take its place, or the run goes back to its last checkpoint and `steps_done` with it.
  template <BatchSource Batches>
  FitResult fit(Batches& batches, std::stop_token stop = {});

  /// One step on the next `accumulation` batches.
  template <BatchSource Batches>
  StepReport step(Batches& batches);

  [[nodiscard]] Index steps_done() const { return steps_done_; }
  [[nodiscard]] Index total_tokens() const { return total_tokens_; }
  [[nodiscard]] AdamW const& optimizer() const { return optimizer_; }
  [[nodiscard]] TrainerOptions const& options() const { return options_; }
  [[nodiscard]] Backend const& backend() const { return model_.backend(); }
  [[nodiscard]] StepGuard& guard() { return guard_; }
  [[nodiscard]] StepGuard const& guard() const { return guard_; }
  [[nodiscard]] ActiveSet<Backend>& active() { return active_; }
  [[nodiscard]] ActiveSet<Backend> const& active() const { return active_; }

  /// Throws MismatchError where the model has grown or frozen since this trainer was made.
  void require_current() const {
    if (model_.stamp() != stamp_)
      throw MismatchError(
          "trainer: the model has grown or frozen since this trainer was made; make a new one");
  }

  /// For checkpoints: continues after `steps_done` steps; the moments are in `active()`.
  void resume(Index steps_done, Index total_tokens) {
    steps_done_ = steps_done;
    total_tokens_ = total_tokens;
    rounding_is_due_ = true;
  }

 private:
  template <class M>
  struct CacheOf {
    struct type {};
  };
  template <HasFrozenPrefix M>
  struct CacheOf<M> {
    using type = std::optional<PrefixCache<M>>;
  };

  /// Loss and gradients of the next `accumulation` batches.
  struct Attempt {
    LossSum loss;
    Index targets = 0;
    double norm = 0, clip = 1;
  };

  void prepare(Index batch, Index time);
  /// Where products read rounded copies of the weights: rounds them as the last step of this training has; all others,
  /// and all before its first, to the nearest. So what an earlier trainer drew does not outlive it.
  void round_anew();
  [[nodiscard]] bool prefix_is_current() const {
    if constexpr (HasFrozenPrefix<Model>)
      return !prefix_cache_ || prefix_cache_->is_current(model_);
    else
      return true;
  }
  template <BatchSource Batches>
  [[nodiscard]] Attempt attempt(Batches& batches);
  /// Why the step must not be taken; empty if it may.
  [[nodiscard]] std::string objection(Attempt const& attempt) const;
  /// Does what the guard's policy says instead of a bad step. Throws NumericError.
  void turn_down(std::string const& why, Index skipped);
  void forward(HostView<TokenId const, 2> ids);
  [[nodiscard]] HostView<TokenId const, 2> part(std::vector<TokenId> const& tokens,
                                                Index index) const {
    return {tokens.data() + index * batch_ * time_, {batch_, time_}};
  }

  Model& model_;
  ModelStamp stamp_;
  AdamW optimizer_;
  TrainerOptions options_;
  ActiveSet<Backend> active_;
  StepGuard guard_;
  Index steps_done_ = 0, total_tokens_ = 0;
  bool rounding_is_due_ = true;  // weights may come from a file, which has no rounded copies

  Index batch_ = 0, time_ = 0;
  std::optional<typename Model::Session> session_;
  std::optional<LossScratch<Backend>> scratch_;
  typename CacheOf<Model>::type prefix_cache_;
  std::vector<TokenId> inputs_, targets_;  // (accumulation,B,T)
};

template <class Model>
Trainer(Model&, AdamW) -> Trainer<Model>;
template <class Model>
Trainer(Model&, AdamW, TrainerOptions) -> Trainer<Model>;

template <Trainable Model>
requires TrainsParameters<typename Model::Backend> Trainer<Model>::Trainer(Model& model,
                                                                           AdamW optimizer,
                                                                           TrainerOptions options)
    : model_(model),
      stamp_(model.stamp()),
      optimizer_(optimizer),
      options_(std::move(options)),
      active_(model),
      guard_(options_.guard) {
  optimizer_.check();
  if (options_.steps < 0 || options_.accumulation < 1 || !(options_.clip_norm >= 0))
    throw ValueError(message(
        "trainer: steps and clip_norm must not be negative and accumulation at least 1, got ",
        options_.steps, ", ", options_.clip_norm, " and ", options_.accumulation));
  if (options_.schedule.steps == 0) options_.schedule.steps = options_.steps;
  if (active_.segments().empty())
    throw ValueError("trainer: nothing in the model is trainable; grow it or unfreeze a part");
  if (options_.guard.policy == BadStep::roll_back && !options_.roll_back)
    throw ValueError("trainer: to roll back, it needs options.roll_back");
  if (options_.prefix_cache && !HasFrozenPrefix<Model>)
    throw ValueError("trainer: a model of this type has no frozen prefix to keep in a cache");
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
void Trainer<Model>::prepare(Index batch, Index time) {
  require_current();
  round_anew();
  if (session_ && batch == batch_ && time == time_ && prefix_is_current()) return;
  batch_ = batch;
  time_ = time;
  session_.emplace(model_, SessionPlan{.batch = batch, .time = time, .training = true});
  scratch_.emplace(model_.backend(), batch * time, model_.substrate().vocabulary_size());
  if constexpr (HasFrozenPrefix<Model>)
    if (options_.prefix_cache) prefix_cache_.emplace(model_, *options_.prefix_cache, batch, time);
  auto const tokens = static_cast<std::size_t>(options_.accumulation * batch * time);
  inputs_.resize(tokens);
  targets_.resize(tokens);
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
void Trainer<Model>::round_anew() {
  using E = TypeOf<Backend, Element>;
  if constexpr (!std::is_same_v<E, TypeOf<Backend, Master>>) {
    if (!std::exchange(rounding_is_due_, false)) return;
    model_.for_each_segment([&](std::string const&, Segment<Backend>& segment) {
      for (auto const& entry : segment.entries())
        segment.round_elements(entry, [](Index, auto value) { return static_cast<E>(value); });
    });
    if (optimizer_.rounding_seed && steps_done_ > 0)
      active_.round_at_random(optimizer_.step(steps_done_, 1, 1));
  }
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
void Trainer<Model>::forward(HostView<TokenId const, 2> ids) {
  if constexpr (HasFrozenPrefix<Model>)
    if (prefix_cache_) return prefix_cache_->forward(model_, *session_, ids);
  model_.forward(*session_, ids);
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
template <BatchSource Batches>
auto Trainer<Model>::attempt(Batches& batches) -> Attempt {
  prepare(batches.batch(), batches.time());
  auto const tokens = static_cast<std::size_t>(batch_ * time_);
  Attempt result;
  for (Index i = 0; i < options_.accumulation; ++i) {
    auto const begin = static_cast<std::size_t>(i) * tokens;
    batches.next(std::span(inputs_).subspan(begin, tokens),
                 std::span(targets_).subspan(begin, tokens));
  }
  for (TokenId const target : targets_) result.targets += target != ignored_target ? 1 : 0;
  if (result.targets == 0)
    throw ValueError(message("trainer: step ", steps_done_ + 1, " has no targets"));

  active_.zero_gradients(model_.backend());
  for (Index i = 0; i < options_.accumulation; ++i) {
    auto const ids = part(inputs_, i);
    auto const sum = evaluate_loss_and_gradients(
        model_, *session_, ids, part(targets_, i), *scratch_, active_.gradients(),
        1.0 / static_cast<double>(result.targets), [&] { forward(ids); });
    result.loss.sum += sum.sum;
    result.loss.tokens += sum.tokens;
  }
  result.norm = active_.gradient_norm(model_.backend());
  if (options_.clip_norm > 0)
    result.clip = std::min(1.0, options_.clip_norm / (result.norm + 1e-6));
  return result;
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend> std::string Trainer<Model>::objection(
    Attempt const& attempt)
const {
  double const loss = attempt.loss.mean();
  // What the optimizer squares must stay finite in its own type, too.
  auto const scaled_norm = static_cast<TypeOf<Backend, Master>>(attempt.norm * attempt.clip);
  if (!std::isfinite(attempt.loss.sum) || !std::isfinite(attempt.norm) ||
      !std::isfinite(scaled_norm * scaled_norm))
    return message("the loss is ", loss, " and the gradient norm ", attempt.norm);
  if (guard_.is_spike(loss)) return message("the loss jumps to ", loss);
  return {};
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
void Trainer<Model>::turn_down(std::string const& why, Index skipped) {
  auto const fail = [&](std::string const& after) {
    throw NumericError(message("trainer: step ", steps_done_ + 1, ": ", why, after,
                               "; weights are as before this step; try a lower learning rate"));
  };
  switch (options_.guard.policy) {
    case BadStep::stop:
      fail("");
      break;
    case BadStep::skip:
      if (skipped == options_.guard.most_skipped)
        fail(message(", after ", skipped, " skipped in a row"));
      break;
    case BadStep::roll_back:
      Index const roll_backs = guard_.roll_backs();
      if (roll_backs == options_.guard.most_roll_backs)
        fail(message(", after ", roll_backs, " returns to a checkpoint"));
      options_.roll_back();
      require_current();
      guard_.count_roll_backs(roll_backs + 1);  // the checkpoint may be from before the others
      break;
  }
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
template <BatchSource Batches>
StepReport Trainer<Model>::step(Batches& batches) {
  auto const start = std::chrono::steady_clock::now();
  Index skipped = 0;
  Index const roll_backs = guard_.roll_backs();
  Attempt taken = attempt(batches);
  for (std::string why = objection(taken); !why.empty(); why = objection(taken)) {
    turn_down(why, skipped);
    ++skipped;
    taken = attempt(batches);
  }

  double const factor = options_.schedule.factor(steps_done_);
  active_.step(model_.backend(), optimizer_.step(steps_done_ + 1, factor, taken.clip));
  guard_.take(taken.loss.mean());
  ++steps_done_;
  total_tokens_ += taken.targets;
  std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - start;
  StepReport report{.step = steps_done_,
                    .steps = options_.steps,
                    .loss = taken.loss.mean(),
                    .learning_rate = optimizer_.learning_rate * factor,
                    .gradient_norm = taken.norm,
                    .tokens = taken.targets,
                    .total_tokens = total_tokens_,
                    .seconds = seconds.count(),
                    .skipped = skipped,
                    .roll_backs = guard_.roll_backs() - roll_backs};
  if constexpr (HasFrozenPrefix<Model>)
    if (prefix_cache_) {
      report.prefix_hit_rate = prefix_cache_->hit_rate();
      report.warning = prefix_cache_->take_warning();
    }
  if constexpr (WarnsOfSlowness<Backend>) {
    std::string const slow = model_.backend().take_warning();
    if (!slow.empty()) report.warning += (report.warning.empty() ? "" : "; ") + slow;
  }
  return report;
}

template <Trainable Model>
requires TrainsParameters<typename Model::Backend>
template <BatchSource Batches>
FitResult Trainer<Model>::fit(Batches& batches, std::stop_token stop) {
  FitResult result{.steps = steps_done_};
  while (steps_done_ < options_.steps) {
    if (stop.stop_requested()) {
      result.stopped = true;
      break;
    }
    StepReport report = step(batches);
    bool const validates =
        options_.validate && options_.validate_every > 0 &&
        (steps_done_ % options_.validate_every == 0 || steps_done_ == options_.steps);
    if (validates) report.validation_loss = options_.validate();
    if (options_.on_step) options_.on_step(report);
    result.steps = steps_done_;
    result.last_loss = report.loss;
  }
  return result;
}

ACCRETE_END_NAMESPACE
