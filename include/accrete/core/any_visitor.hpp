/// A visitor for concepts, which ask whether something can be visited.
#pragma once

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Takes whatever is visited. (nvcc 13 finds no constraint satisfied in which a generic lambda stands.)
struct AnyVisitor {
  template <class... Visited>
  void operator()(Visited&&...) const {}
};

}  // namespace detail
ACCRETE_END_NAMESPACE
