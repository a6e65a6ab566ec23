// base: what every room shares: results, time, ids, bytes, text, logging. It knows nothing of mail and does no I/O
// beyond the log and the kernel's random numbers.
//
// Result<T>: a value or an Error. Errors are values; exceptions do not cross a folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace pabal {

// What a caller can do about a failure; the message says it in words for people.
enum class Code : uint8_t {
  kInvalid,      // the input breaks a rule: do not retry as it is
  kNotFound,     // no such thing
  kExists,       // there is one already
  kConflict,     // a condition of a conditional write did not hold: read again and retry
  kLimit,        // a stated limit (size, count, quota, rate) is exceeded
  kDenied,       // not allowed, or the credentials are wrong
  kUnavailable,  // a passing fault: retry later
  kTimeout,      // a deadline passed
  kClosed,       // the other side, or this side, has closed
  kCorrupt,      // stored bytes do not prove themselves
  kIo,           // disk or network failed
  kUnsupported,  // valid, but not done here
  kInternal,     // a fault of ours
};

std::string_view code_name(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;  // one sentence, for a person; says what to do where something can be done
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  Result(Code code, std::string message) : state_(std::in_place_index<1>, Error{code, std::move(message)}) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    PABAL_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    PABAL_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    PABAL_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    PABAL_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  Code code() const { return error().code; }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit by design
  Result(Code code, std::string message) : error_{code, std::move(message)}, ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const {
    PABAL_CHECK(!ok_);
    return error_;
  }
  Code code() const { return error().code; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace pabal
