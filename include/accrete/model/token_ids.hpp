/// The check of what is given to a model.
#pragma once

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/tensor_view.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Throws ValueError, which says where, for an id of (B,T) outside of a vocabulary of V tokens.
template <class Space>
void check_token_ids(char const* model, TensorView<TokenId const, 2, Space> ids,
                     Index vocabulary_size) {
  for (Index i = 0; i < ids.count(); ++i)
    if (TokenId const id = ids.data()[i]; id < 0 || id >= vocabulary_size)
      throw ValueError(message(model, ": token id ", id, " at sequence ", i / ids.size(1),
                               ", token ", i % ids.size(1), " is outside of the vocabulary of ",
                               vocabulary_size));
}

ACCRETE_END_NAMESPACE
