/// Work that is recorded, and work side by side (included by context.hpp).
#pragma once

#include <utility>
#include <vector>

#include <accrete/backend/cuda/context.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class F>
OwnedGraph Context::capture(F&& work) {
  if (recorded_.stream.get() == nullptr) recorded_ = {make_stream(), main_.memory};
  Stream const stream = recorded_.stream.get();
  ACCRETE_CUDA(*api_, cuda_stream_begin_capture(stream));
  recording_ = true;
  Graph graph = nullptr;
  try {
    OnLane const recorded(*this, recorded_);
    work();
  } catch (...) {
    recording_ = false;
    static_cast<void>(api_->cuda_stream_end_capture(stream, &graph));
    OwnedGraph const nothing(*api_, graph);
    throw;
  }
  recording_ = false;
  ACCRETE_CUDA(*api_, cuda_stream_end_capture(stream, &graph));
  return {*api_, graph};
}

template <class F>
Recording Context::record(F&& work) {
  std::lock_guard const lock(lanes_mutex_);
  kept_.clear();
  try {
    OwnedGraph const graph = capture(work);
    GraphExec made = nullptr;
    ACCRETE_CUDA(*api_, cuda_graph_instantiate(&made, graph.get()));
    OwnedGraphExec exec(*api_, made);
    return {api_, std::move(exec), std::exchange(kept_, {})};
  } catch (CallError const& error) {
    if (!refuses_capture(error.status())) throw;
    warning_ = message("steps are not recorded as a graph, which makes them slow: ", error.what());
    return {};
  }
}

inline void Context::replay(Recording const& recording) {
  std::lock_guard const lock(lanes_mutex_);
  ACCRETE_CUDA(*api_, cuda_graph_launch(recording.graph(), stream()));
  submitted();
}

inline Lane const& Context::next_branch() {
  if (branches_used_ == branches_.size()) {
    OwnedStream stream = make_stream();
    Event event = nullptr;
    ACCRETE_CUDA(*api_, cuda_event_create(&event));
    branches_.push_back(
        {std::move(stream), std::make_shared<LaneMemory>(), OwnedEvent(*api_, event)});
  }
  return branches_[branches_used_++];
}

template <class F>
void Context::side_by_side(Index count, F&& f) {
  std::lock_guard const lock(lanes_mutex_);
  struct Depth {  // branches within a branch are others than those beside it
    explicit Depth(Context& own) : context(own) {
      if (context.side_by_side_depth_++ == 0) context.branches_used_ = 0;
    }
    Depth(Depth const&) = delete;
    Depth& operator=(Depth const&) = delete;
    ~Depth() { --context.side_by_side_depth_; }
    Context& context;
  } const depth(*this);
  Lane const& own = lane();
  std::vector<Lane const*> others;
  for (Index i = 1; i < count; ++i) others.push_back(&next_branch());
  if (!others.empty()) record_event(*others.front(), own);
  for (Lane const* other : others) wait_for(*others.front(), *other);
  if (count > 0) f(Index{0});
  for (std::size_t i = 0; i < others.size(); ++i) {
    OnLane const here(*this, *others[i]);
    f(static_cast<Index>(i + 1));
    record_event(*others[i], *others[i]);
  }
  for (Lane const* other : others) wait_for(*other, own);
  submitted();
}

ACCRETE_END_CUDA_NAMESPACE
