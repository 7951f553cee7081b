/// A session is the state of one use of a model: workspace, activations, KV cache. The model itself stays const, so
/// that one model serves many threads, each with a session of its own.
#pragma once

#include <algorithm>
#include <vector>

#include <accrete/memory/staging.hpp>
#include <accrete/memory/transfer.hpp>
#include <accrete/memory/workspace.hpp>
#include <accrete/model/stamp.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a session is for. `batch` and `time` bound every call: B sequences of T tokens. `training` keeps activations
/// for backward. `cache` is the number of tokens that a KV cache holds for each sequence; 0 means no decoding.
struct SessionPlan {
  Index batch = 1;
  Index time = 1;
  bool training = false;
  Index cache = 0;
};

/// Throws ShapeError unless a session of this plan holds B sequences of T tokens.
inline void check_fits(SessionPlan const& plan, Index batch, Index time) {
  if (batch < 1 || batch > plan.batch || time < 1 || time > plan.time)
    throw ShapeError(message("session: planned for B = ", plan.batch, " and T = ", plan.time,
                             ", called with B = ", batch, " and T = ", time));
}

/// The session of a model that plans its state with `state_for(workspace, B, T, training)` and its cache with
/// `cache_for(workspace, B, T_max)`. All memory is allocated here, once.
template <class Model>
class Session {
 public:
  using Backend = typename Model::Backend;
  using State = typename Model::State;
  using Cache = typename Model::Cache;

  Session(Model const& model, SessionPlan plan)
      : backend_(model.backend()), plan_(plan), stamp_(model.stamp()) {
    if (plan.batch < 1 || plan.time < 1 || plan.cache < 0)
      throw ShapeError(
          message("session: batch and time must be positive and cache not negative, got ",
                  plan.batch, ", ", plan.time, " and ", plan.cache));
    if (plan.training && plan.cache > 0)
      throw ShapeError("session: plan one session for training and another for decoding");
    Workspace<Backend> measure;
    static_cast<void>(model.state_for(measure, plan.batch, plan.time, plan.training));
    workspace_ = Workspace<Backend>(model.backend(), measure.bytes());
    begin(model, plan.batch, plan.time);
    if (plan.cache > 0) {
      auto [memory, cache] = plan_on(model.backend(), [&](Workspace<Backend>& workspace) {
        return model.cache_for(workspace, plan.batch, plan.cache);
      });
      cache_memory_ = std::move(memory);
      cache_ = std::move(cache);
      positions_.assign(static_cast<std::size_t>(plan.batch), 0);
    }
  }
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;

  [[nodiscard]] SessionPlan const& plan() const { return plan_; }
  [[nodiscard]] Index batch() const { return batch_; }
  [[nodiscard]] Index time() const { return time_; }

  /// Bytes of workspace and cache.
  [[nodiscard]] Index bytes() const { return workspace_.capacity() + cache_memory_.capacity(); }

  /// Where sequence `row` stands: the number of tokens in its cache that count.
  [[nodiscard]] Index position(Index row) const {
    return positions_.at(static_cast<std::size_t>(row));
  }
  /// Forgets what follows the first `position` tokens of sequence `row`.
  void rewind(Index row, Index position) {
    auto& current = positions_.at(static_cast<std::size_t>(row));
    if (position < 0 || position > current)
      throw ValueError(message("session: cannot rewind sequence ", row, " from token ", current,
                               " to token ", position));
    current = position;
  }

  /// For models: the state for a call with B = batch and T = time. Throws MismatchError where the session belongs to
  /// another model or was made before the model grew or froze, ShapeError where it was planned smaller.
  State& begin(Model const& model, Index batch, Index time);
  [[nodiscard]] State& state() { return state_; }
  [[nodiscard]] State const& state() const { return state_; }
  [[nodiscard]] Cache& cache() { return cache_; }
  /// For models: where the backend reads ids (B,T) that are the host's.
  [[nodiscard]] View<Backend, TokenId const, 2> on_backend(HostView<TokenId const, 2> ids) {
    return ids_on_backend_.on(backend_, ids);
  }
  /// For models that decode: keeps ids (B,n) and where their sequences stand for `ids` and `positions`, which copy them to
  /// the backend. On backends in the host's memory `ids` must stay. Throws unless n more tokens fit into each sequence's
  /// cache.
  void stage(HostView<TokenId const, 2> ids) {
    check_room(ids.size(1));
    staged_ids_.stage(backend_, ids);
    staged_positions_.stage(backend_, HostView<Index const, 1>(positions_.data(), {batch_}));
  }
  [[nodiscard]] View<Backend, TokenId const, 2> ids() const { return staged_ids_.copy(backend_); }
  [[nodiscard]] View<Backend, Index const, 1> positions() const {
    return staged_positions_.copy(backend_);
  }
  /// For models: throws unless `count` more tokens fit into the cache of each sequence.
  void check_room(Index count) const;
  void advance(Index count) {
    for (Index row = 0; row < batch_; ++row) positions_[static_cast<std::size_t>(row)] += count;
  }

 private:
  Backend backend_;
  SessionPlan plan_;
  ModelStamp stamp_;
  Index batch_ = 0, time_ = 0;
  Workspace<Backend> workspace_, cache_memory_;
  State state_{};
  Cache cache_{};
  std::vector<Index> positions_;
  HostInput<Backend, TokenId> ids_on_backend_;
  StagedInput<Backend, TokenId, 2> staged_ids_;
  StagedInput<Backend, Index, 1> staged_positions_;
};

template <class Model>
auto Session<Model>::begin(Model const& model, Index batch, Index time) -> State& {
  if (model.stamp().model != stamp_.model || stamp_.model == 0)
    throw MismatchError("session: it was made for another model; make one for this model");
  if (model.stamp() != stamp_)
    throw MismatchError("session: the model has grown or frozen since; make a new session");
  check_fits(plan_, batch, time);
  if (batch != batch_ || time != time_) {
    workspace_.reuse();
    state_ = model.state_for(workspace_, batch, time, plan_.training);
    batch_ = batch;
    time_ = time;
  }
  return state_;
}

template <class Model>
void Session<Model>::check_room(Index count) const {
  if (plan_.cache == 0)
    throw ShapeError("session: planned without a cache; set SessionPlan::cache to decode");
  for (Index row = 0; row < batch_; ++row)
    if (position(row) + count > plan_.cache)
      throw ShapeError(message("session: sequence ", row, " stands at token ", position(row),
                               " and ", count, " more do not fit into a cache of ", plan_.cache));
}

ACCRETE_END_NAMESPACE
