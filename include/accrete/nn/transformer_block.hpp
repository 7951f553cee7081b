/// The Transformer block: attention and feed-forward, each behind a norm, each added to the residual stream.
#pragma once

#include <accrete/nn/block_config.hpp>
#include <accrete/nn/feed_forward.hpp>
#include <accrete/nn/norm.hpp>
#include <accrete/nn/residual_norm.hpp>
#include <accrete/nn/self_attention.hpp>
#include <accrete/ops/residual_add.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a backend must offer for a block of the default policies.
template <class Backend>
concept RunsTransformerBlocks =
    HasLinear<Backend> && HasCausalAttention<Backend> && HasResidualAdd<Backend>;

/// mid = x + attention(norm1(x));  out = mid + feed_forward(norm2(mid)).
///
/// Policies, in any order: a norm (default LayerNorm), an activation (Gelu), positions (Rotary). Parameters with the
/// defaults: 12 C^2 + 9 C where F = 4 C. Sizes that are `dynamic` in the type are given to the constructor.
template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...>
class TransformerBlock {
  using NormLayer = typename policy_for<NormRole, LayerNorm, Policies...>::template Layer<B>;
  using Attention = SelfAttention<B, policy_for<PositionRole, Rotary, Policies...>>;
  using FeedForwardPart = FeedForward<B, policy_for<ActivationRole, Gelu, Policies...>>;

 public:
  using Backend = B;
  using Config = BlockConfig;

  struct Activations {
    typename NormLayer::Activations norm1, norm2;
    typename Attention::Activations attention;
    typename FeedForwardPart::Activations feed_forward;
    View<Backend, Element, 3> normed1, mid, normed2;  // (B,T,C)
  };
  struct Scratch {
    typename NormLayer::Scratch norm;
    typename Attention::Scratch attention;
    typename FeedForwardPart::Scratch feed_forward;
    View<Backend, Element, 3> grad_normed, grad_mid;  // (B,T,C)
  };
  using Cache = typename Attention::Cache;

  /// Static sizes may be left out of `given`, dynamic ones may not. Throws ShapeError.
  explicit TransformerBlock(BlockConfig given = {})
      : config_(resolve(SizesOfType, given)),
        norm1_(config_.model_dim),
        norm2_(config_.model_dim),
        attention_(config_.model_dim, config_.head_count),
        feed_forward_(config_.model_dim, config_.hidden_dim) {}

  template <class Self>
  static void visit_parameters(Self& self, auto&& visit) {
    visit("norm1", self.norm1_);
    visit("attention", self.attention_);
    visit("norm2", self.norm2_);
    visit("feed_forward", self.feed_forward_);
  }
  template <class Self>
  static void visit_linear_maps(Self& self, auto&& visit) {
    auto const visit_part = [&](std::string const& part) {
      return [&visit, part](std::string const& name, auto& linear, IndexRange outputs) {
        visit(part + name, linear, outputs);
      };
    };
    Attention::visit_linear_maps(self.attention_, visit_part("attention."));
    FeedForwardPart::visit_linear_maps(self.feed_forward_, visit_part("feed_forward."));
  }
  [[nodiscard]] Json describe() const;
  [[nodiscard]] Index model_dim() const { return config_.model_dim; }

  Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const;
  Scratch scratch_for(Workspace<Backend>& workspace, Index batch, Index time) const;
  Cache cache_for(Workspace<Backend>& workspace, Index batch, Index capacity) const {
    return attention_.cache_for(workspace, batch, capacity);
  }

  void forward(Backend const& backend, View<Backend, Element const, 3> x,
               View<Backend, Element, 3> out, Activations& kept, Scratch& scratch) const;
  void backward(Backend const& backend, Gradients<Backend> const& gradients,
                View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                View<Backend, Element, 3> grad_x, Activations const& kept, Scratch& scratch) const;
  void decode_step(Backend const& backend, Cache& cache, View<Backend, Index const, 1> positions,
                   View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                   Activations& kept, Scratch& scratch) const;

 private:
  /// mid = x + mid; out = mid + feed_forward(norm2(mid)), after attention has written kept.mid.
  void second_half(Backend const& backend, View<Backend, Element const, 3> x,
                   View<Backend, Element, 3> out, Activations& kept, Scratch& scratch) const;

  BlockConfig config_;
  NormLayer norm1_, norm2_;
  Attention attention_;
  FeedForwardPart feed_forward_;
};

template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...> Json
TransformerBlock<SizesOfType, B, Policies...>::describe()
const {
  Json json = Json::object();
  json["type"] = Json("transformer_block");
  json["model_dim"] = Json(config_.model_dim);
  json["norm"] = norm1_.describe();
  json["attention"] = attention_.describe();
  json["feed_forward"] = feed_forward_.describe();
  return json;
}

template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...>
auto TransformerBlock<SizesOfType, B, Policies...>::activations_for(Workspace<B>& workspace,
                                                                    Index batch, Index time) const
    -> Activations {
  auto const hidden = [&] {
    return workspace.template tensor<Element>(batch, time, config_.model_dim);
  };
  return {.norm1 = norm1_.activations_for(workspace, batch, time),
          .norm2 = norm2_.activations_for(workspace, batch, time),
          .attention = attention_.activations_for(workspace, batch, time),
          .feed_forward = feed_forward_.activations_for(workspace, batch, time),
          .normed1 = hidden(),
          .mid = hidden(),
          .normed2 = hidden()};
}

template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...>
auto TransformerBlock<SizesOfType, B, Policies...>::scratch_for(Workspace<B>& workspace,
                                                                Index batch, Index time) const
    -> Scratch {
  auto const hidden = [&] {
    return workspace.template tensor<Element>(batch, time, config_.model_dim);
  };
  return {.norm = norm1_.scratch_for(workspace, batch, time),
          .attention = attention_.scratch_for(workspace, batch, time),
          .feed_forward = feed_forward_.scratch_for(workspace, batch, time),
          .grad_normed = hidden(),
          .grad_mid = hidden()};
}

template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...>
void TransformerBlock<SizesOfType, B, Policies...>::forward(B const& backend,
                                                            View<B, Element const, 3> x,
                                                            View<B, Element, 3> out,
                                                            Activations& kept,
                                                            Scratch& scratch) const {
  norm1_.forward(backend, x, kept.normed1, kept.norm1, scratch.norm);
  attention_.forward(backend, kept.normed1, kept.mid, kept.attention, scratch.attention);
  second_half(backend, x, out, kept, scratch);
}

template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...>
void TransformerBlock<SizesOfType, B, Policies...>::second_half(B const& backend,
                                                                View<B, Element const, 3> x,
                                                                View<B, Element, 3> out,
                                                                Activations& kept,
                                                                Scratch& scratch) const {
  add_and_normalize(norm2_, backend, x, kept.mid, kept.mid, kept.normed2, kept.norm2, scratch.norm);
  feed_forward_.forward(backend, kept.normed2, out, kept.feed_forward, scratch.feed_forward);
  residual_add(backend, kept.mid.rows(), out.rows(), out.rows());
}

template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...>
void TransformerBlock<SizesOfType, B, Policies...>::backward(
    B const& backend, Gradients<B> const& gradients, View<B, Element const, 3> grad_out,
    View<B, Element const, 3> x, View<B, Element, 3> grad_x, Activations const& kept,
    Scratch& scratch) const {
  feed_forward_.backward(backend, gradients, grad_out, kept.normed2, scratch.grad_normed,
                         kept.feed_forward, scratch.feed_forward);
  normalize_backward_and_add<NormLayer, B>(norm2_, backend, gradients, scratch.grad_normed,
                                           kept.mid, grad_out, scratch.grad_mid, kept.norm2,
                                           scratch.norm);

  attention_.backward(backend, gradients, scratch.grad_mid, kept.normed1, scratch.grad_normed,
                      kept.attention, scratch.attention);
  normalize_backward_and_add<NormLayer, B>(norm1_, backend, gradients, scratch.grad_normed, x,
                                           scratch.grad_mid, grad_x, kept.norm1, scratch.norm);
}

template <BlockConfig SizesOfType, RunsTransformerBlocks B, BlockPolicy... Policies>
requires ValidBlockConfig<SizesOfType> && OnePolicyPerRole<Policies...>
void TransformerBlock<SizesOfType, B, Policies...>::decode_step(
    B const& backend, Cache& cache, View<B, Index const, 1> positions, View<B, Element const, 3> x,
    View<B, Element, 3> out, Activations& kept, Scratch& scratch) const {
  if constexpr (DescribesRowNorm<NormLayer>) {
    Index const rows = x.rows().size(0);
    if (attention_.fuses(backend, rows) && feed_forward_.fuses(backend, rows)) {
      attention_.decode_step_fused(backend, cache, positions, norm1_.row_norm(), x, kept.mid,
                                   kept.attention);
      return feed_forward_.forward_fused(backend, norm2_.row_norm(), kept.mid, out,
                                         kept.feed_forward);
    }
  }
  norm1_.forward(backend, x, kept.normed1, kept.norm1, scratch.norm);
  attention_.decode_step(backend, cache, positions, kept.normed1, kept.mid, kept.attention,
                         scratch.attention);
  second_half(backend, x, out, kept, scratch);
}

ACCRETE_END_NAMESPACE
