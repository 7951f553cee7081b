/// Embedding lookup as plain loops.
#pragma once

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/embedding.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct EmbeddingKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, TokenId const, 1> ids,
                      View<Backend, Element const, 2> table, View<Backend, Element, 2> out) {
    Index const repeat = out.size(1) / table.size(1);
    for (Index n = 0; n < ids.size(0); ++n)
      for (Index c = 0; c < out.size(1); ++c) out(n, c) = table(ids(n), c / repeat);
  }

  static void backward(Backend const&, View<Backend, TokenId const, 1> ids,
                       View<Backend, Element const, 2> grad_out,
                       View<Backend, Master, 2> grad_table) {
    Index const repeat = grad_out.size(1) / grad_table.size(1);
    for (Index n = 0; n < ids.size(0); ++n)
      for (Index c = 0; c < grad_out.size(1); ++c) grad_table(ids(n), c / repeat) += grad_out(n, c);
  }
};

ACCRETE_END_NAMESPACE
