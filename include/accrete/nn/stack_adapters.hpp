/// The adapters of a stack's frozen blocks (included by stack.hpp).
#pragma once

#include <accrete/nn/stack.hpp>

ACCRETE_BEGIN_NAMESPACE

template <Block BlockType>
template <class F>
void Stack<BlockType>::check_adapters(Json const& saved, Index depth, F&& f) const {
  Json const* const adapters = saved.find("adapters");
  if (has_adapters() && (!adapters || structure().at("adapters") != *adapters))
    throw MismatchError("stack: this model has adapters that the file does not; remove them first");
  if (!adapters) return;
  if constexpr (NamesLinearMaps<Block>) {
    Index const blocks = adapters->at("blocks").as_int();
    // (More may have been frozen after they were made.)
    if (blocks < 1 || blocks > depth || blocks > saved.at("first_trainable").as_int())
      throw MismatchError(message("stack: the file has adapters for ", blocks,
                                  " blocks, which are not its frozen ones"));
    check_adapters_of(AdapterSet<Block>::options_of(*adapters), blocks, f);
  } else {
    throw MismatchError("stack: the file has adapters, which this type of block cannot have");
  }
}

template <Block BlockType>
void Stack<BlockType>::add_adapters(AdapterOptions options) requires NamesLinearMaps<BlockType> {
  if (has_adapters())
    throw ValueError("stack: it has adapters already; merge or remove them first");
  if (first_trainable_ == 0)
    throw ValueError(
        "stack: adapters are for frozen blocks, and none is frozen; freeze or grow it");
  emplace_adapters(std::move(options), first_trainable_);
}

template <Block BlockType>
void Stack<BlockType>::emplace_adapters(AdapterOptions options,
                                        Index blocks) requires NamesLinearMaps<BlockType> {
  adapters_.emplace(backend_, std::move(options), prototype_, blocks, Random(options_.seed));
  adapters_are_merged_ = false;
  adapters_->attach(blocks_);
  ++revision_;
}

template <Block BlockType>
double Stack<BlockType>::merge_adapters() requires NamesLinearMaps<BlockType> {
  if (!has_adapters()) throw ValueError("stack: it has no adapters to merge");
  adapters_->detach(blocks_);
  adapters_are_merged_ = true;
  ++revision_;
  return adapters_->add_to_weights(blocks_, segments_, 1.0);
}

template <Block BlockType>
double Stack<BlockType>::unmerge_adapters() requires NamesLinearMaps<BlockType> {
  if (!adapters_ || !adapters_are_merged_)
    throw ValueError("stack: it has no merged adapters to take out again");
  double const bound = adapters_->add_to_weights(blocks_, segments_, -1.0);
  adapters_are_merged_ = false;
  adapters_->attach(blocks_);
  ++revision_;
  return 2 * bound;
}

template <Block BlockType>
void Stack<BlockType>::remove_adapters() requires NamesLinearMaps<BlockType> {
  if (has_adapters()) adapters_->detach(blocks_);
  adapters_.reset();
  adapters_are_merged_ = false;
  ++revision_;
}

ACCRETE_END_NAMESPACE
