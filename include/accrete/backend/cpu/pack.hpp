/// Packs: as many numbers as the machine computes with at once, and loops over rows of them.
///
/// A row's last, partial pack goes through the same instructions as the others, so that a number
/// does not depend on where in a row or batch it stands. Sums have one order that depends on their
/// length alone.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include <accrete/backend/cpu/eigen.hpp>
#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

template <class T>
struct Pack {
  using Packet = typename Eigen::internal::packet_traits<T>::type;
  static constexpr Index width = Eigen::internal::unpacket_traits<Packet>::size;

  Packet packet;

  Pack() = default;
  Pack(T value) : packet(Eigen::internal::pset1<Packet>(value)) {}  // NOLINT: numbers are packs
  [[nodiscard]] static Pack of(Packet packet) {
    Pack result;
    result.packet = packet;
    return result;
  }

  [[nodiscard]] static Pack load(T const* from) {
    return of(Eigen::internal::ploadu<Packet>(from));
  }
  void store(T* to) const { Eigen::internal::pstoreu(to, packet); }

  /// The first `count` numbers; the others are zero, or are not written.
  [[nodiscard]] static Pack load(T const* from, Index count) {
    std::array<T, static_cast<std::size_t>(width)> numbers{};
    std::copy_n(from, count, numbers.data());
    return load(numbers.data());
  }
  void store(T* to, Index count) const {
    std::array<T, static_cast<std::size_t>(width)> numbers;
    store(numbers.data());
    std::copy_n(numbers.data(), count, to);
  }

  [[nodiscard]] T sum() const { return Eigen::internal::predux(packet); }
  [[nodiscard]] T greatest() const { return Eigen::internal::predux_max(packet); }

  friend Pack operator+(Pack a, Pack b) { return of(Eigen::internal::padd(a.packet, b.packet)); }
  friend Pack operator-(Pack a, Pack b) { return of(Eigen::internal::psub(a.packet, b.packet)); }
  friend Pack operator*(Pack a, Pack b) {
    return of(rounded(Eigen::internal::pmul(a.packet, b.packet)));
  }
  friend Pack operator/(Pack a, Pack b) { return of(Eigen::internal::pdiv(a.packet, b.packet)); }
  friend Pack operator-(Pack a) { return of(Eigen::internal::pnegate(a.packet)); }

 private:
  /// g++ melts a product and a sum into one instruction where it likes, in one copy of a loop and
  /// not in the next. A product that has passed here is rounded by itself.
  static Packet rounded(Packet product) {
#if defined(__x86_64__)
    asm("" : "+v"(product));
#elif defined(__aarch64__)
    asm("" : "+w"(product));
#endif
    return product;
  }
};

/// a * b + c, rounded once where the machine can.
template <class T>
[[nodiscard]] Pack<T> multiply_add(Pack<T> a, Pack<T> b, Pack<T> c) {
  return Pack<T>::of(Eigen::internal::pmadd(a.packet, b.packet, c.packet));
}
template <class T>
[[nodiscard]] Pack<T> greater_of(Pack<T> a, Pack<T> b) {
  return Pack<T>::of(Eigen::internal::pmax(a.packet, b.packet));
}
template <class T>
[[nodiscard]] Pack<T> lesser_of(Pack<T> a, Pack<T> b) {
  return Pack<T>::of(Eigen::internal::pmin(a.packet, b.packet));
}
template <class T>
[[nodiscard]] Pack<T> absolute(Pack<T> a) {
  return Pack<T>::of(Eigen::internal::pabs(a.packet));
}
template <class T>
[[nodiscard]] Pack<T> square_root(Pack<T> a) {
  return Pack<T>::of(Eigen::internal::psqrt(a.packet));
}
/// `a` where x < 0, else `b`.
template <class T>
[[nodiscard]] Pack<T> select_negative(Pack<T> x, Pack<T> a, Pack<T> b) {
  auto const negative = Eigen::internal::pcmp_lt(x.packet, Pack<T>(T{0}).packet);
  return Pack<T>::of(Eigen::internal::pselect(negative, a.packet, b.packet));
}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // g++: a vector type as template argument
/// The lowest bits of each float shifted to where the exponent stands.
template <class T>
[[nodiscard]] Pack<T> shift_into_exponent(Pack<T> x) {
  static_assert(std::is_same_v<T, float>);
  using Packet = typename Pack<T>::Packet;
  if constexpr (Pack<T>::width == 1) {
    return std::bit_cast<Packet>(std::bit_cast<std::uint32_t>(x.packet) << 23);
  } else {
    using Bits = typename Eigen::internal::unpacket_traits<Packet>::integer_packet;
    return Pack<T>::of(Eigen::internal::preinterpret<Packet>(
        Eigen::internal::plogical_shift_left<23>(Eigen::internal::preinterpret<Bits>(x.packet))));
  }
}
#pragma GCC diagnostic pop

/// Where a whole pack stands in its rows.
template <class T>
struct WholePack {
  Index index;
  [[nodiscard]] Pack<T> load(T const* row) const { return Pack<T>::load(row + index); }
  void store(T* row, Pack<T> pack) const { pack.store(row + index); }
};

/// Where the last pack of rows stands, of which `count` numbers exist.
template <class T>
struct PartialPack {
  Index index;
  Index count;
  [[nodiscard]] Pack<T> load(T const* row) const { return Pack<T>::load(row + index, count); }
  void store(T* row, Pack<T> pack) const { pack.store(row + index, count); }
};

/// Calls f(at) for each pack of rows of `count` numbers; f reads and writes rows by at.load(row)
/// and at.store(row, pack).
template <class T, class F>
[[gnu::flatten]] void for_each_pack(Index count, F&& f) {
  Index i = 0;
  for (; i + Pack<T>::width <= count; i += Pack<T>::width) f(WholePack<T>{i});
  if (i < count) f(PartialPack<T>{i, count - i});
}

/// The sum over all packs of f(at), in an order that depends on `count` alone.
template <class T, class F>
[[gnu::flatten, nodiscard]] T sum_over_packs(Index count, F&& f) {
  constexpr Index width = Pack<T>::width;
  Pack<T> sum0(T{0}), sum1(T{0}), sum2(T{0}), sum3(T{0});  // four chains hide the latency
  Index i = 0;
  for (; i + 4 * width <= count; i += 4 * width) {
    sum0 = sum0 + f(WholePack<T>{i});
    sum1 = sum1 + f(WholePack<T>{i + width});
    sum2 = sum2 + f(WholePack<T>{i + 2 * width});
    sum3 = sum3 + f(WholePack<T>{i + 3 * width});
  }
  for (; i + width <= count; i += width) sum0 = sum0 + f(WholePack<T>{i});
  if (i < count) {
    std::array<T, static_cast<std::size_t>(width)> numbers;
    f(PartialPack<T>{i, count - i}).store(numbers.data());
    sum1 = sum1 + Pack<T>::load(numbers.data(), count - i);
  }
  return ((sum0 + sum1) + (sum2 + sum3)).sum();
}

/// The greatest of `count` > 0 numbers. What it is where one of them is NaN is not said.
template <class T>
[[nodiscard]] T greatest_of(Index count, T const* row) {
  constexpr Index width = Pack<T>::width;
  Pack<T> greatest0(row[0]), greatest1(row[0]);
  Index i = 0;
  for (; i + 2 * width <= count; i += 2 * width) {
    greatest0 = greater_of(greatest0, Pack<T>::load(row + i));
    greatest1 = greater_of(greatest1, Pack<T>::load(row + i + width));
  }
  T greatest = greater_of(greatest0, greatest1).greatest();
  for (; i < count; ++i) greatest = std::max(greatest, row[i]);
  return greatest;
}

}  // namespace detail
ACCRETE_END_NAMESPACE
