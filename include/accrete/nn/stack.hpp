/// A stack of equal blocks: the body of a decoder.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/index_range.hpp>
#include <accrete/core/random.hpp>
#include <accrete/nn/adapter_set.hpp>
#include <accrete/nn/block_start.hpp>
#include <accrete/nn/segment.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a body is built from. `planned_depth` is L in the scale of residual outputs, and the depth of a plain Stack.
template <Block BlockType>
struct BodyOptions {
  std::uint64_t seed = 1;
  Index planned_depth = 1;
  typename BlockType::Config block{};  // sizes that are dynamic in the type
};

/// Blocks 0 to depth - 1, numbered as they came; `order` says which stands where. Those from `first_trainable` on train.
/// Below the lowest of them nothing is kept and backward never goes.
template <Block BlockType>
class Stack {
 public:
  using Backend = typename BlockType::Backend;
  using Block = BlockType;
  using Options = BodyOptions<BlockType>;

  /// What a session holds for the stack.
  struct State {
    Index first_kept = 0;                           // blocks below it keep nothing
    std::vector<View<Backend, Element, 3>> inputs;  // (B,T,C) into each kept block but the first
    std::vector<typename Block::Activations> kept;  // one a kept block
    typename Block::Activations passing;            // shared by all blocks that keep nothing
    View<Backend, Element, 3> even, odd;            // (B,T,C) between blocks that keep nothing
    View<Backend, Element, 3> grad_even, grad_odd;  // (B,T,C) between kept blocks
    typename Block::Scratch scratch;
    View<Backend, Element const, 3> first_input;  // (B,T,C) into the first kept block
  };
  struct Cache {
    std::vector<typename Block::Cache> blocks;
  };

  Stack(Backend backend, Options options) : Stack(std::move(backend), std::move(options), 0) {
    append(options_.planned_depth);
  }

  [[nodiscard]] Index depth() const { return static_cast<Index>(blocks_.size()); }
  [[nodiscard]] Index first_trainable() const { return first_trainable_; }
  /// The number of places, from the lowest up, whose blocks training neither changes nor passes through: there nothing
  /// is kept.
  [[nodiscard]] Index prefix_depth() const {
    if constexpr (NamesLinearMaps<Block>)
      if (has_adapters() && adapters_->segment().trainable()) return 0;
    Index place = 0;
    while (place < depth() && order_[static_cast<std::size_t>(place)] < first_trainable_) ++place;
    return place;
  }
  [[nodiscard]] Index model_dim() const { return prototype_.model_dim(); }
  [[nodiscard]] Index revision() const { return revision_; }
  [[nodiscard]] std::vector<Block> const& blocks() const { return blocks_; }
  /// The number of the block at each place, from the lowest up: 0, 1, 2, ... unless blocks were put into the middle.
  [[nodiscard]] std::vector<Index> const& order() const { return order_; }
  /// Where `count` more blocks would stand, and the numbers of the blocks that they would copy. Throws ValueError where
  /// these blocks cannot start so.
  [[nodiscard]] BlockPlacement placement(BlockStart start, Index count) const;
  [[nodiscard]] Json describe() const;

  /// How many blocks each stage added, which block is the first that trains, and the order unless it is plain;
  /// `restore_structure` brings a new stack to it or throws MismatchError.
  [[nodiscard]] Json structure() const;
  void restore_structure(Json const& saved);
  /// Changes nothing: throws as `restore_structure` would, and calls f(name, parameter) for every parameter that the
  /// stack would have after it, so that a file can be looked through first.
  template <class F>
  void check_structure(Json const& saved, F&& f) const;

  /// No block trains any more.
  void freeze();

  /// Gives the frozen blocks trainable adapters, which start as no correction. Throws ValueError where no block is
  /// frozen or adapters stand already.
  void add_adapters(AdapterOptions options) requires NamesLinearMaps<Block>;
  /// Adds the adapters to the weights: the same map, at no cost. They are parameters no more, but are remembered until
  /// the stack grows. Returns a bound of the rounding error of any weight.
  double merge_adapters() requires NamesLinearMaps<Block>;
  /// Takes merged adapters out of the weights again. Returns a bound of how far any weight may be from what it was
  /// before `merge_adapters`.
  double unmerge_adapters() requires NamesLinearMaps<Block>;
  /// Forgets the adapters, merged or not.
  void remove_adapters() requires NamesLinearMaps<Block>;
  /// Calls f(name, parameter) for all parameters of adapters that the lowest `blocks` blocks would have. Throws as
  /// `add_adapters` does.
  template <class F>
  void check_adapters_of(AdapterOptions const& options, Index blocks,
                         F&& f) const requires NamesLinearMaps<Block> {
    AdapterSet<Block>::for_each_planned(prototype_, options, blocks, f);
  }
  [[nodiscard]] bool has_adapters() const {
    if constexpr (NamesLinearMaps<Block>) return adapters_ && !adapters_are_merged_;
    return false;
  }
  /// The AdapterSet. Throws ValueError where there is none.
  [[nodiscard]] auto const& adapters() const requires NamesLinearMaps<Block> {
    if (!has_adapters()) throw ValueError("stack: it has no adapters; call add_adapters first");
    return *adapters_;
  }

  /// Calls f(segment) for each segment, lowest blocks first.
  template <class F>
  void for_each_segment(F&& f) {
    for (auto& segment : segments_) f(segment);
    if constexpr (NamesLinearMaps<Block>)
      if (has_adapters()) f(adapters_->segment());
  }
  template <class F>
  void for_each_segment(F&& f) const {
    for (auto const& segment : segments_) f(segment);
    if constexpr (NamesLinearMaps<Block>)
      if (has_adapters()) f(adapters_->segment());
  }

  [[nodiscard]] State state_for(Workspace<Backend>& workspace, Index batch, Index time,
                                bool training) const;
  [[nodiscard]] Cache cache_for(Workspace<Backend>& workspace, Index batch, Index capacity) const;

  /// x (B,T,C) -> out (B,T,C)
  void forward(Backend const& backend, View<Backend, Element const, 3> x,
               View<Backend, Element, 3> out, State& state) const;
  /// `forward` in two halves, for who keeps the output of the blocks that no training changes. The lower half runs
  /// blocks [0, prefix_depth()) and needs no state that keeps; the upper half goes on from what stands in
  /// `prefix_in(state, out)` (B,T,C).
  void forward_prefix(Backend const& backend, View<Backend, Element const, 3> x,
                      View<Backend, Element, 3> out, State& state) const {
    forward_blocks(backend, {0, prefix_depth()}, x, out, state);
  }
  void forward_from_prefix(Backend const& backend, View<Backend, Element, 3> out,
                           State& state) const {
    forward_blocks(backend, {prefix_depth(), depth()}, prefix_in(state, out), out, state);
  }
  [[nodiscard]] View<Backend, Element, 3> prefix_in(State& state,
                                                    View<Backend, Element, 3> out) const {
    return output_of(prefix_depth() - 1, out, state);
  }
  /// From grad_out (B,T,C) down to the first kept block; returns the gradient of that block's input.
  View<Backend, Element const, 3> backward(Backend const& backend,
                                           Gradients<Backend> const& gradients,
                                           View<Backend, Element const, 3> grad_out,
                                           State& state) const;
  void decode_step(Backend const& backend, Cache& cache, View<Backend, Index const, 1> positions,
                   View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                   State& state) const;

 protected:
  /// An empty stack, for `Growable`.
  Stack(Backend backend, Options options, int /*empty*/)
      : backend_(std::move(backend)), options_(std::move(options)), prototype_(options_.block) {}

  /// Adds `count` trainable blocks in one segment of their own. Throws as `placement` does, before anything changes.
  void append(Index count, BlockStart start = BlockStart::random);

  /// Calls f(name, parameter) for the parameters of a block at place `index`, whether or not it stands.
  template <class F>
  void for_each_parameter_at(Index index, F&& f) const {
    for_each_parameter(prototype_, "blocks." + std::to_string(index), f);
  }
  /// In a stack of `depth` blocks, training starts with its last stage, or nothing trains.
  static void check_first_trainable(Json const& saved, Index last_stage, Index depth);
  /// The saved order of `depth` blocks, or the plain one. Throws MismatchError where it is none.
  static std::vector<Index> saved_order(Json const& saved, Index depth);
  void emplace_adapters(AdapterOptions options, Index blocks) requires NamesLinearMaps<Block>;
  /// Calls f(name, parameter) for the adapters that a saved stack of `depth` blocks has. Throws as `add_adapters` would.
  template <class F>
  void check_adapters(Json const& saved, Index depth, F&& f) const;

 private:
  struct NoAdapters {};
  template <class B>
  struct AdaptersOf {
    using type = NoAdapters;
  };
  template <NamesLinearMaps B>
  struct AdaptersOf<B> {
    using type = std::optional<AdapterSet<B>>;
  };

  [[nodiscard]] Block const& block_at(Index place) const {
    return blocks_[static_cast<std::size_t>(order_[static_cast<std::size_t>(place)])];
  }
  /// Gives block `number`, new in `segment`, the values that `start` says, where they are not those of an own draw:
  /// copies of block `source`, or zeros.
  void start_block(Segment<Backend>& segment, Index number, BlockStart start,
                   std::optional<Index> source) const;
  /// Runs the blocks at these places.
  void forward_blocks(Backend const& backend, IndexRange places, View<Backend, Element const, 3> x,
                      View<Backend, Element, 3> out, State& state) const;
  /// Where the output of the block at place `index` goes in a pass that keeps nothing below state.first_kept.
  View<Backend, Element, 3> output_of(Index index, View<Backend, Element, 3> out,
                                      State& state) const;

  Backend backend_;
  Options options_;
  Block prototype_;  // knows the sizes before any block stands
  std::vector<Block> blocks_;
  std::vector<Index> order_;                // the number of the block at each place
  std::vector<Segment<Backend>> segments_;  // one a stage
  std::vector<Index> stages_;               // the blocks of each
  typename AdaptersOf<Block>::type adapters_;
  bool adapters_are_merged_ = false;
  Index first_trainable_ = 0;
  Index revision_ = 0;
};

ACCRETE_END_NAMESPACE

#include <accrete/nn/stack_adapters.hpp>
#include <accrete/nn/stack_growth.hpp>
#include <accrete/nn/stack_passes.hpp>
