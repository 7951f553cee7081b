/// An ensemble's sessions, and how its experts run: forward, backward, step by step. Include basic_ensemble.hpp.
#pragma once

#include <algorithm>
#include <tuple>

#include <accrete/model/basic_ensemble.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class Holder, class Rule, class Fusion>
BasicEnsemble<Holder, Rule, Fusion>::Session::Session(BasicEnsemble const& ensemble,
                                                      SessionPlan plan)
    : sessions_((ensemble.check_substrates(), Holder::sessions_of(ensemble.experts_, plan))),
      own_stamp_{ensemble.number_.value(), ensemble.revision_} {
  ensemble.for_each_expert([&](Index, auto const& expert) {
    largest_body_ = std::max(largest_body_, detail::body_parameters(expert));
  });
  Workspace<Backend> measure;
  static_cast<void>(ensemble.state_for(measure, plan.batch, plan.time, plan.training));
  workspace_ = Workspace<Backend>(ensemble.backend(), measure.bytes());
  begin(ensemble, plan.batch, plan.time);
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::Session::begin(BasicEnsemble const& ensemble, Index batch,
                                                         Index time) {
  if (own_stamp_.model == 0 || ensemble.number_.value() != own_stamp_.model)
    throw MismatchError("session: it was made for another model; make one for this model");
  if (ensemble.revision_ != own_stamp_.revision)
    throw MismatchError("session: the model has grown or frozen since; make a new session");
  check_fits(plan(), batch, time);
  if (batch == batch_ && time == time_) return;
  workspace_.reuse();
  state_ = ensemble.state_for(workspace_, batch, time, plan().training);
  batch_ = batch;
  time_ = time;
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::Session::rewind(Index row, Index position) {
  if constexpr (requires { sessions_.begin(); })
    for (auto& session : sessions_) session.rewind(row, position);
  else
    std::apply([&](auto&... each) { (each.rewind(row, position), ...); }, sessions_);
}

template <class Holder, class Rule, class Fusion>
auto BasicEnsemble<Holder, Rule, Fusion>::state_for(Workspace<Backend>& workspace, Index batch,
                                                    Index time, bool training) const -> State {
  constexpr Index chunk_bytes = Index{16} << 20;
  Index const tokens = batch * time, vocabulary = substrate().vocabulary_size();
  Index const row = vocabulary * static_cast<Index>(sizeof(TypeOf<Backend, Element>));
  Index const chunk = std::clamp<Index>(chunk_bytes / row, 1, tokens);
  State state;
  state.fusion = fusion_.state_for(
      workspace,
      {.tokens = tokens, .chunk = chunk, .vocabulary = vocabulary, .training = training});
  if constexpr (!lists_terms)
    state.expert_logits = workspace.template tensor<Element>(chunk, vocabulary);
  return state;
}

template <class Holder, class Rule, class Fusion>
template <class F>
void BasicEnsemble<Holder, Rule, Fusion>::run_experts(Session& session, F&& f) const {
  auto const run = [&](Index e) { Holder::visit(experts_, session.sessions_, e, f); };
  if constexpr (requires { backend().pool(); }) {
    Index const work = session.batch() * session.time() * session.largest_body_;
    if (size() > 1 && work < work_of_one_thread) return backend().pool().parallel_for(size(), run);
  }
  for (Index e = 0; e < size(); ++e) run(e);
}

template <class Holder, class Rule, class Fusion>
template <class F>
void BasicEnsemble<Holder, Rule, Fusion>::for_each_session(Session& session, F&& f) const {
  for (Index e = 0; e < size(); ++e) Holder::visit(experts_, session.sessions_, e, f);
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::read_hidden_states(Session& session) const {
  if constexpr (ReadsHiddenStates<FusionLayer>) {
    Index number = 0;
    for (Index e = 0; e < size(); ++e)
      visit_expert(e, session, [&](auto const& expert, auto const& expert_session) {
        detail::for_each_hidden(expert.classifier(expert_session), [&](auto hidden) {
          fusion_.read(backend(), session.state_.fusion, number++, hidden);
        });
      });
    fusion_.finish_reading(backend(), session.state_.fusion);
  }
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::forward(Session& session,
                                                  HostView<TokenId const, 2> ids) const {
  session.begin(*this, ids.size(0), ids.size(1));
  check_token_ids("ensemble", ids, substrate().vocabulary_size());
  run_experts(session, [&](auto const& expert, auto& expert_session) {
    expert.forward(expert_session, ids);
  });
  read_hidden_states(session);
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::decode_step(Session& session,
                                                      HostView<TokenId const, 2> ids) const {
  if constexpr (Holder::stage_decoding) {
    stage_step(session, ids);
    run_step(session);
    finish_step(session);
  } else {
    session.begin(*this, ids.size(0), ids.size(1));
    check_token_ids("ensemble", ids, substrate().vocabulary_size());
    run_experts(session, [&](auto const& expert, auto& expert_session) {
      expert.decode_step(expert_session, ids);
    });
    read_hidden_states(session);
  }
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::stage_step(
    Session& session, HostView<TokenId const, 2> ids) const requires StagesExperts<Holder> {
  session.begin(*this, ids.size(0), ids.size(1));
  check_token_ids("ensemble", ids, substrate().vocabulary_size());
  for_each_session(session, [&](auto const& expert, auto& expert_session) {
    expert.stage_step(expert_session, ids);
  });
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::run_step(Session& session) const requires
    StagesExperts<Holder> {
  auto const run = [](auto const& expert, auto& expert_session) {
    expert.run_step(expert_session);
  };
  if constexpr (RunsSideBySide<Backend>)
    backend().side_by_side(size(),
                           [&](Index e) { Holder::visit(experts_, session.sessions_, e, run); });
  else
    run_experts(session, run);
  read_hidden_states(session);
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::finish_step(Session& session) const requires
    StagesExperts<Holder> {
  for_each_session(session, [](auto const& expert, auto& expert_session) {
    expert.finish_step(expert_session);
  });
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::backward(Session& session,
                                                   Gradients<Backend> const& gradients,
                                                   HostView<TokenId const, 2> ids) const {
  if (!session.plan().training)
    throw ShapeError("session: planned without training; set SessionPlan::training for backward");
  session.begin(*this, ids.size(0), ids.size(1));
  if constexpr (ReadsHiddenStates<FusionLayer>) {
    auto const& state = session.state_.fusion;
    fusion_.finish_backward(backend(), state);
    Index number = 0;
    for (Index e = 0; e < size(); ++e)
      visit_expert(e, session, [&](auto const& expert, auto const& expert_session) {
        auto const classifier = expert.classifier(expert_session);
        Index const first = number;
        detail::for_each_hidden(
            expert.classifier_gradients(expert_session, gradients), [&](auto grad_hidden) {
              Index other = first;
              detail::for_each_hidden(classifier, [&](auto hidden) {
                if (other++ == number)
                  fusion_.read_backward(backend(), gradients, state, number, hidden, grad_hidden);
              });
              ++number;
            });
      });
  }
  run_experts(session, [&](auto const& expert, auto& expert_session) {
    expert.backward(expert_session, gradients, ids);
  });
}

ACCRETE_END_NAMESPACE
