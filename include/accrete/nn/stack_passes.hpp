/// What flows through a stack, and the memory that it needs (included by stack.hpp).
#pragma once

#include <accrete/nn/stack.hpp>

ACCRETE_BEGIN_NAMESPACE

template <Block BlockType>
auto Stack<BlockType>::state_for(Workspace<Backend>& workspace, Index batch, Index time,
                                 bool training) const -> State {
  auto const hidden = [&] { return workspace.template tensor<Element>(batch, time, model_dim()); };
  State state;
  state.first_kept = training ? prefix_depth() : depth();
  for (Index i = state.first_kept; i < depth(); ++i) {
    state.kept.push_back(block_at(i).activations_for(workspace, batch, time));
    if (i > state.first_kept) state.inputs.push_back(hidden());
  }
  if (state.first_kept > 0) {
    state.passing = prototype_.activations_for(workspace, batch, time);
    state.even = hidden();
    state.odd = hidden();
  }
  if (!state.kept.empty()) {
    state.grad_even = hidden();
    state.grad_odd = hidden();
  }
  state.scratch = prototype_.scratch_for(workspace, batch, time);
  return state;
}

template <Block BlockType>
auto Stack<BlockType>::cache_for(Workspace<Backend>& workspace, Index batch, Index capacity) const
    -> Cache {
  Cache cache;
  for (Index i = 0; i < depth(); ++i)
    cache.blocks.push_back(block_at(i).cache_for(workspace, batch, capacity));
  return cache;
}

template <Block BlockType>
auto Stack<BlockType>::output_of(Index index, View<Backend, Element, 3> out, State& state) const
    -> View<Backend, Element, 3> {
  if (index + 1 == depth()) return out;
  if (index >= state.first_kept)
    return state.inputs[static_cast<std::size_t>(index - state.first_kept)];
  return index % 2 == 0 ? state.even : state.odd;
}

template <Block BlockType>
void Stack<BlockType>::forward(Backend const& backend, View<Backend, Element const, 3> x,
                               View<Backend, Element, 3> out, State& state) const {
  forward_blocks(backend, {0, depth()}, x, out, state);
}

template <Block BlockType>
void Stack<BlockType>::forward_blocks(Backend const& backend, IndexRange places,
                                      View<Backend, Element const, 3> x,
                                      View<Backend, Element, 3> out, State& state) const {
  for (Index i = places.begin; i < places.end; ++i) {
    bool const keeps = i >= state.first_kept;
    if (i == state.first_kept) state.first_input = x;
    auto& activations =
        keeps ? state.kept[static_cast<std::size_t>(i - state.first_kept)] : state.passing;
    auto const y = i + 1 == places.end ? out : output_of(i, out, state);
    block_at(i).forward(backend, x, y, activations, state.scratch);
    x = y;
  }
}

template <Block BlockType>
auto Stack<BlockType>::backward(Backend const& backend, Gradients<Backend> const& gradients,
                                View<Backend, Element const, 3> grad_out, State& state) const
    -> View<Backend, Element const, 3> {
  for (Index i = depth() - 1; i >= state.first_kept; --i) {
    Index const kept = i - state.first_kept;
    auto const input =
        kept == 0
            ? state.first_input
            : View<Backend, Element const, 3>(state.inputs[static_cast<std::size_t>(kept - 1)]);
    auto const grad_x = i % 2 == 0 ? state.grad_even : state.grad_odd;
    block_at(i).backward(backend, gradients, grad_out, input, grad_x,
                         state.kept[static_cast<std::size_t>(kept)], state.scratch);
    grad_out = grad_x;
  }
  return grad_out;
}

template <Block BlockType>
void Stack<BlockType>::decode_step(Backend const& backend, Cache& cache,
                                   View<Backend, Index const, 1> positions,
                                   View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                                   State& state) const {
  for (Index i = 0; i < depth(); ++i) {
    auto const y = output_of(i, out, state);
    block_at(i).decode_step(backend, cache.blocks[static_cast<std::size_t>(i)], positions, x, y,
                            state.passing, state.scratch);
    x = y;
  }
}

ACCRETE_END_NAMESPACE
