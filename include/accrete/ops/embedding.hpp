/// Embedding lookup with expansion by repetition.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/embedding.hpp`.
template <class Backend>
struct EmbeddingKernel;

template <class Backend>
concept HasEmbedding = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, TokenId const, 1> ids,
             View<Backend, Element const, 2> in, View<Backend, Element, 2> out,
             View<Backend, Master, 2> gradient) {
  EmbeddingKernel<Backend>::forward(backend, ids, in, out);
  EmbeddingKernel<Backend>::backward(backend, ids, in, gradient);
};

namespace detail {
template <class Ids, class Table, class Rows>
void check_embedding(char const* operation, Ids ids, Table table, Rows rows) {
  check_sizes(operation, "rows", rows, {ids.size(0), rows.size(1)});
  if (table.size(1) == 0 || rows.size(1) % table.size(1) != 0)
    throw ShapeError(message(operation, ": the row width ", rows.size(1),
                             " is no multiple of the table width ", table.size(1)));
}
}  // namespace detail

/// out[n, i*k .. i*k+k-1] = table[ids[n], i], with k = C / W.
///
/// PyTorch: `torch.nn.functional.embedding(ids, table).repeat_interleave(C // W, dim=-1)`. Ids must
/// lie in [0, V): whoever takes them from outside checks them (`Decoder::forward` does).
template <HasEmbedding Backend>
void embedding_forward(Backend const& backend, View<Backend, TokenId const, 1> ids,  // (N)
                       View<Backend, Element const, 2> table,                        // (V,W)
                       View<Backend, Element, 2> out) {                              // (N,C)
  detail::check_embedding("embedding_forward", ids, table, out);
  EmbeddingKernel<Backend>::forward(backend, ids, table, out);
}

/// grad_table[ids[n], i] += sum of grad_out[n, i*k .. i*k+k-1], tokens in order.
template <HasEmbedding Backend>
void embedding_backward(Backend const& backend, View<Backend, TokenId const, 1> ids,  // (N)
                        View<Backend, Element const, 2> grad_out,                     // (N,C)
                        View<Backend, Master, 2> grad_table) {                        // (V,W)
  detail::check_embedding("embedding_backward", ids, grad_table, grad_out);
  EmbeddingKernel<Backend>::backward(backend, ids, grad_out, grad_table);
}

ACCRETE_END_NAMESPACE
