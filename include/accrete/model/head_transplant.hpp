/// A head from one expert to another: what both share is the substrate.
#pragma once

#include <algorithm>
#include <concepts>

#include <accrete/model/docking.hpp>
#include <accrete/nn/segment.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Both decoders end in a head of one kind.
template <class Donor, class Receiver>
concept OneHead = std::same_as<typename Donor::HeadType, typename Receiver::HeadType>;

/// Copies norm and classifier of `donor` into `receiver`. Where one substrate is an ancestor of the
/// other, the rows of the tokens that both have are copied, and the others stay.
///
/// Throws MismatchError, which says what differs, unless the substrates dock, and ShapeError where
/// the heads have another width; nothing has changed then.
template <class Donor, class Receiver>
requires CanDock<Donor, Receiver> && OneHead<Donor, Receiver>
void transplant_head(Donor const& donor, Receiver& receiver) {
  check_docking(SameSubstrate{}, "transplant_head", donor.substrate(), receiver.substrate());
  copy_common_rows(donor.head_segment(), receiver.head_segment());
}

/// For control experiments: between decoders that share a vocabulary and nothing else.
template <class Donor, class Receiver>
requires OneBackend<Donor, Receiver> && OneHead<Donor, Receiver>
void transplant_head(SameVocabulary rule, Donor const& donor, Receiver& receiver) {
  check_docking(rule, "transplant_head", donor.substrate(), receiver.substrate());
  copy_common_rows(donor.head_segment(), receiver.head_segment());
}

ACCRETE_END_NAMESPACE
