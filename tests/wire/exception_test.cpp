// Exceptions arrive as what they are, with the traceback of where they came from.

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <any>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "wire/round_trip.hpp"

namespace multiprocessing {

struct HttpError : std::runtime_error {  // made from its text
  using std::runtime_error::runtime_error;
};
struct Rejected {  // sent field by field
  int status = 0;
  std::string reason;
};
struct Sealed final : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Unknown : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace multiprocessing

MULTIPROCESSING_EXCEPTION(multiprocessing::HttpError);
MULTIPROCESSING_EXCEPTION(multiprocessing::Rejected);
MULTIPROCESSING_EXCEPTION(multiprocessing::Sealed);

namespace multiprocessing {
namespace {

using test::round_trip;

std::exception_ptr sent(const std::exception_ptr& exception, const detail::Origin& origin = {}) {
  detail::Writer out;
  detail::encode_exception(out, exception, origin);
  detail::Reader in(out.view());
  auto arrived = detail::decode_exception(in);
  in.finish();
  return arrived;
}

// Throws what has arrived and returns a copy of what is caught as T.
template <class T>
T arrives(const T& thrown) {
  const auto original = std::make_exception_ptr(thrown);
  const auto arrived = sent(original);
  EXPECT_EQ(describe(arrived), describe(original));
  EXPECT_NE(remote_traceback(arrived), "");
  try {
    std::rethrow_exception(arrived);
  } catch (const T& caught) {
    if constexpr (std::is_base_of_v<std::exception, T>) {
      EXPECT_STREQ(caught.what(), thrown.what());
    }
    return caught;
  }
}

TEST(ExceptionTest, StandardExceptionArrivesAsItsOwnType) {
  arrives(std::logic_error("x"));
  arrives(std::invalid_argument("x"));
  arrives(std::domain_error("x"));
  arrives(std::length_error("x"));
  arrives(std::out_of_range("x"));
  arrives(std::runtime_error("x"));
  arrives(std::range_error("x"));
  arrives(std::overflow_error("x"));
  arrives(std::underflow_error("x"));
  arrives(std::exception());
  arrives(std::bad_alloc());
  arrives(std::bad_array_new_length());
  arrives(std::bad_cast());
  arrives(std::bad_typeid());
  arrives(std::bad_function_call());
  arrives(std::bad_weak_ptr());
  arrives(std::bad_optional_access());
  arrives(std::bad_variant_access());
  arrives(std::bad_any_cast());
}

TEST(ExceptionTest, SystemErrorArrivesWithItsCode) {
  const auto error = arrives(std::system_error(ENOENT, std::generic_category(), "open"));
  EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);

  EXPECT_EQ(arrives(std::system_error(EPERM, std::system_category(), "kill")).code().category(),
            std::system_category());
  EXPECT_EQ(arrives(std::ios_base::failure("read")).code(), std::io_errc::stream);
  EXPECT_EQ(arrives(std::future_error(std::future_errc::no_state)).code(),
            std::future_errc::no_state);
}

TEST(ExceptionTest, CategoryThatIsUnknownHereKeepsItsNameAndValue) {
  struct : std::error_category {
    const char* name() const noexcept override { return "printer"; }
    std::string message(int) const override { return "on fire"; }
  } printer;

  const auto error = arrives(std::system_error(3, printer, "print"));

  EXPECT_STREQ(error.code().category().name(), "printer");
  EXPECT_EQ(error.code().value(), 3);
}

TEST(ExceptionTest, FilesystemErrorArrivesWithItsPaths) {
  const auto error = arrives(std::filesystem::filesystem_error(
      "rename", "/a", "/b", std::make_error_code(std::errc::permission_denied)));

  EXPECT_EQ(error.path1(), "/a");
  EXPECT_EQ(error.path2(), "/b");
}

TEST(ExceptionTest, ErrorOfThisLibraryArrivesAsItsOwnType) {
  arrives(Error("x"));
  arrives(ProcessError("x"));
  arrives(AuthenticationError("x"));
  arrives(TimeoutError("x"));
  arrives(TaskTimeout("x"));
  arrives(TransferError("x"));
  arrives(ArenaExhausted("x"));
  arrives(Empty("x"));
  arrives(Full("x"));
  arrives(ShutDown("x"));
  arrives(KeyError("x"));
  arrives(ValueError("x"));
  arrives(EOFError("x"));
  arrives(BrokenBarrierError("x"));
  arrives(BrokenExecutor("x"));
  arrives(BrokenProcessPool("x"));
  arrives(BrokenThreadPool("x"));
  arrives(CancelledError("x"));
  arrives(InvalidStateError("x"));
}

TEST(ExceptionTest, ErrorOfThisLibraryArrivesWithItsData) {
  EXPECT_EQ(arrives(BufferTooShort({std::byte{7}})).message().at(0), std::byte{7});
  EXPECT_EQ(arrives(LockOwnerDied(4711)).pid(), 4711);
  EXPECT_EQ(arrives(KeyboardInterrupt(SIGINT)).signum(), SIGINT);
  const auto died = arrives(WorkerDied(4711, SIGSEGV, std::nullopt, "resize"));
  EXPECT_EQ(died.pid(), 4711);
  EXPECT_EQ(died.signal(), SIGSEGV);
  EXPECT_EQ(died.exit_code(), std::nullopt);
  EXPECT_EQ(died.task_name(), "resize");
}

TEST(ExceptionTest, ErrorsAreKindsOfEachOther) {
  static_assert(std::is_base_of_v<ProcessError, BufferTooShort>);
  static_assert(std::is_base_of_v<ProcessError, AuthenticationError>);
  static_assert(std::is_base_of_v<ProcessError, TimeoutError>);
  static_assert(std::is_base_of_v<TimeoutError, TaskTimeout>);
  static_assert(std::is_base_of_v<BrokenExecutor, BrokenProcessPool>);
  static_assert(std::is_base_of_v<BrokenExecutor, BrokenThreadPool>);
  static_assert(std::is_base_of_v<std::runtime_error, Error>);
  EXPECT_THROW(std::rethrow_exception(sent(std::make_exception_ptr(TaskTimeout()))), ProcessError);
}

TEST(ExceptionTest, RegisteredExceptionArrivesAsItsOwnType) {
  arrives(HttpError("404"));
  const auto rejected = arrives(Rejected{5, "no"});
  EXPECT_EQ(rejected.status, 5);
  EXPECT_EQ(rejected.reason, "no");
}

TEST(ExceptionTest, FinalExceptionArrivesWithItsTracebackToo) {
  arrives(Sealed("x"));
}

TEST(ExceptionTest, AnyOtherExceptionArrivesAsRemoteError) {
  try {
    std::rethrow_exception(sent(std::make_exception_ptr(Unknown("what it says"))));
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.type_name(), "Unknown");
    EXPECT_STREQ(error.what(), "what it says");
    EXPECT_NE(error.remote_traceback().find("Unknown: what it says"), std::string::npos);
  }
}

TEST(ExceptionTest, ThrownNumberArrivesAsRemoteError) {
  try {
    std::rethrow_exception(sent(std::make_exception_ptr(42)));
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.type_name(), "int");
    EXPECT_STREQ(error.what(), "42");
  }
  EXPECT_EQ(describe(sent(std::make_exception_ptr('x'))), "char");
  EXPECT_EQ(describe(std::make_exception_ptr(std::string("text"))), "std::string: text");
}

TEST(ExceptionTest, TracebackSaysWhereItWasThrown) {
  const auto arrived = sent(std::make_exception_ptr(ValueError("bad input")),
                            {"Process-1", 4711, "resize", "thumbnail(Job)"});

  EXPECT_EQ(remote_traceback(arrived),
            "Traceback (most recent call last):\n"
            "  in Process-1 (pid 4711), task resize, thumbnail(Job)\n"
            "ValueError: bad input");
}

TEST(ExceptionTest, TracebackGrowsWithEveryProcessOnTheWay) {
  const auto first = sent(std::make_exception_ptr(ValueError("x")), {"Process-1:1", 2, "", ""});
  const auto second = sent(first, {"Process-1", 1, "", ""});

  const auto text = remote_traceback(second);

  EXPECT_LT(text.find("Process-1:1 (pid 2)"), text.find("Process-1 (pid 1)"));
  EXPECT_EQ(describe(second), "ValueError: x");
  EXPECT_THROW(std::rethrow_exception(second), ValueError);
}

TEST(ExceptionTest, LocalExceptionHasNoRemoteTraceback) {
  EXPECT_EQ(remote_traceback(std::make_exception_ptr(ValueError("x"))), "");
  EXPECT_EQ(remote_traceback(nullptr), "");
  EXPECT_EQ(describe(nullptr), "");
}

TEST(ExceptionTest, DescriptionNamesOursShortAndOthersInFull) {
  EXPECT_EQ(describe(std::make_exception_ptr(ValueError("bad input"))), "ValueError: bad input");
  EXPECT_EQ(describe(std::make_exception_ptr(std::runtime_error("x"))), "std::runtime_error: x");
}

TEST(ExceptionTest, ExceptionTravelsInsideOfAValue) {
  const auto arrived =
      round_trip(std::vector<std::exception_ptr>{std::make_exception_ptr(KeyError("k")), nullptr});

  EXPECT_THROW(std::rethrow_exception(arrived.at(0)), KeyError);
  EXPECT_EQ(arrived.at(1), nullptr);
}

TEST(ExceptionTest, ErrorsCanBeCopiedWithoutThrowing) {
  static_assert(std::is_nothrow_copy_constructible_v<WorkerDied>);
  static_assert(std::is_nothrow_copy_constructible_v<RemoteError>);
  static_assert(std::is_nothrow_copy_constructible_v<BufferTooShort>);
}

}  // namespace
}  // namespace multiprocessing
