/// Policies of a block: given by role, in any order, only where they differ from the default.
#pragma once

#include <type_traits>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The roles. A policy says which one it plays: `using Role = NormRole;`.
struct NormRole;
struct ActivationRole;
struct PositionRole;

template <class Policy>
concept BlockPolicy = std::is_same_v<typename Policy::Role, NormRole> ||
    std::is_same_v<typename Policy::Role, ActivationRole> ||
    std::is_same_v<typename Policy::Role, PositionRole>;

namespace detail {
template <class Role, class Default, class... Policies>
struct PolicyFor {
  using type = Default;
};
template <class Role, class Default, class First, class... Rest>
struct PolicyFor<Role, Default, First, Rest...> {
  using type = typename std::conditional_t<std::is_same_v<typename First::Role, Role>,
                                           std::type_identity<First>,
                                           PolicyFor<Role, Default, Rest...>>::type;
};
template <class Role, class... Policies>
inline constexpr int count_of_role = (0 + ... + int{std::is_same_v<typename Policies::Role, Role>});
}  // namespace detail

/// The policy among `Policies` that plays `Role`, or `Default`.
template <class Role, class Default, class... Policies>
using policy_for = typename detail::PolicyFor<Role, Default, Policies...>::type;

/// Two policies of one role contradict each other.
template <class... Policies>
concept OnePolicyPerRole = ((detail::count_of_role<typename Policies::Role, Policies...> == 1) &&
                            ...);

ACCRETE_END_NAMESPACE
