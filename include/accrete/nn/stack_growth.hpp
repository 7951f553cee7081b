/// How a stack grows, and how it says and restores what growth has made of it (included by stack.hpp).
#pragma once

#include <algorithm>
#include <numeric>

#include <accrete/nn/stack.hpp>

ACCRETE_BEGIN_NAMESPACE

template <Block BlockType>
Json Stack<BlockType>::describe() const {
  Json json = Json::object();
  json["block"] = prototype_.describe();
  return json;
}

template <Block BlockType>
Json Stack<BlockType>::structure() const {
  Json stages = Json::array();
  for (Index const blocks : stages_) stages.push_back(Json(blocks));
  Json json = Json::object();
  json["stages"] = std::move(stages);
  json["first_trainable"] = Json(first_trainable_);
  if (!std::is_sorted(order_.begin(), order_.end())) json["order"] = Json::array(order_);
  if constexpr (NamesLinearMaps<Block>)
    if (has_adapters()) {
      json["adapters"] = adapters_->describe();
      if (!adapters_->segment().trainable()) json["adapters_frozen"] = Json(true);
    }
  return json;
}

template <Block BlockType>
template <class F>
void Stack<BlockType>::check_structure(Json const& saved, F&& f) const {
  if (structure().at("stages") != saved.at("stages"))
    throw MismatchError(message("stack: the file's stages of blocks are ",
                                saved.at("stages").dump(), ", this model's are ",
                                structure().at("stages").dump()));
  check_first_trainable(saved, first_trainable_, depth());
  static_cast<void>(saved_order(saved, depth()));
  for (Index i = 0; i < depth(); ++i) for_each_parameter_at(i, f);
  check_adapters(saved, depth(), f);
}

template <Block BlockType>
void Stack<BlockType>::restore_structure(Json const& saved) {
  check_structure(saved, detail::AnyVisitor{});
  if (saved.at("first_trainable").as_int() == depth() && first_trainable_ != depth()) freeze();
  if (auto order = saved_order(saved, depth()); order != order_) {
    order_ = std::move(order);
    ++revision_;
  }
  if constexpr (NamesLinearMaps<Block>)
    if (Json const* const adapters = saved.find("adapters")) {
      if (!has_adapters())
        emplace_adapters(AdapterSet<Block>::options_of(*adapters), adapters->at("blocks").as_int());
      adapters_->segment().set_trainable(!saved.contains("adapters_frozen"));
    }
}

template <Block BlockType>
void Stack<BlockType>::check_first_trainable(Json const& saved, Index last_stage, Index depth) {
  Index const first_trainable = saved.at("first_trainable").as_int();
  if (first_trainable != last_stage && first_trainable != depth)
    throw MismatchError(message("stack: the file trains blocks from ", first_trainable,
                                ", which is not where a stage of this model begins to train"));
}

template <Block BlockType>
void Stack<BlockType>::freeze() {
  for (auto& segment : segments_) segment.set_trainable(false);
  if constexpr (NamesLinearMaps<Block>)
    if (adapters_) adapters_->segment().set_trainable(false);
  first_trainable_ = depth();
  ++revision_;
}

template <Block BlockType>
std::vector<Index> Stack<BlockType>::saved_order(Json const& saved, Index depth) {
  std::vector<Index> plain(static_cast<std::size_t>(depth));
  std::iota(plain.begin(), plain.end(), Index{0});
  Json const* const found = saved.find("order");
  if (!found) return plain;
  std::vector<Index> order;
  for (Json const& number : found->as_array()) order.push_back(number.as_int());
  if (!std::is_permutation(order.begin(), order.end(), plain.begin(), plain.end()))
    throw MismatchError(message("stack: the file's order of blocks ", found->dump(), " is none of ",
                                depth, " blocks"));
  return order;
}

template <Block BlockType>
BlockPlacement Stack<BlockType>::placement(BlockStart start, Index count) const {
  BlockPlacement result = place_blocks(start, depth(), count);
  for (Index& source : result.sources) source = order_[static_cast<std::size_t>(source)];
  if (start != BlockStart::zero_output) return result;
  bool has_outputs = false;
  for_each_parameter(prototype_, "", [&](std::string const&, auto const& parameter) {
    has_outputs = has_outputs || parameter.initial().kind == Initial::Kind::residual_output;
  });
  if (!has_outputs)
    throw ValueError(
        "blocks cannot start as zero_output: no parameter of their type starts as "
        "Initial::residual_output");
  return result;
}

template <Block BlockType>
void Stack<BlockType>::start_block(Segment<Backend>& segment, Index number, BlockStart start,
                                   std::optional<Index> source) const {
  auto const prefix_of = [](Index block) { return "blocks." + std::to_string(block) + "."; };
  std::string const prefix = prefix_of(number);
  for (SegmentEntry const& entry : segment.entries()) {
    if (!entry.name.starts_with(prefix)) continue;
    if (start == BlockStart::zero_output && entry.initial.kind == Initial::Kind::residual_output)
      segment.fill(entry, [](auto values) { std::ranges::fill(values, 0); });
    if (!source) continue;
    std::string const original = prefix_of(*source) + entry.name.substr(prefix.size());
    for (auto const& standing : segments_)
      for (SegmentEntry const& from : standing.entries())
        if (from.name == original) {
          auto const numbers =
              host_copy(backend_, standing.values().slice(from.offset, from.offset + from.count));
          segment.fill(entry, [&](auto values) { std::ranges::copy(numbers, values.begin()); });
        }
  }
}

template <Block BlockType>
void Stack<BlockType>::append(Index count, BlockStart start) {
  BlockPlacement const where = placement(start, count);
  if constexpr (NamesLinearMaps<Block>) adapters_.reset();
  Index const begin = depth();
  auto const name = [](Index index) { return "blocks." + std::to_string(index); };
  Segment<Backend> segment(backend_, name(begin) + " to " + std::to_string(begin + count - 1));
  std::vector<Block> added;
  added.reserve(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) {
    added.emplace_back(options_.block);
    segment.add(added.back(), name(begin + i));
  }
  segment.allocate();
  for (Index i = 0; i < count; ++i)
    segment.bind(added[static_cast<std::size_t>(i)], name(begin + i));
  segment.initialize(Random(options_.seed), options_.planned_depth);
  for (Index i = 0; i < count; ++i)
    start_block(segment, begin + i, start,
                where.sources.empty() ? std::optional<Index>()
                                      : std::optional(where.sources[static_cast<std::size_t>(i)]));

  blocks_.reserve(blocks_.size() + added.size());
  order_.reserve(blocks_.size() + added.size());
  segments_.push_back(std::move(segment));
  stages_.push_back(count);
  for (auto& block : added) blocks_.push_back(std::move(block));
  std::vector<Index> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), begin);
  order_.insert(order_.begin() + where.position, numbers.begin(), numbers.end());
  ++revision_;
}

ACCRETE_END_NAMESPACE
