#pragma once

/// \file multiprocessing/queues.hpp
/// Queues of values between the processes of a family.
///
/// Mirrors `multiprocessing.Queue`, with the `shutdown` of `queue.Queue`, `JoinableQueue` and
/// `SimpleQueue`.
///
///   sharing   copies refer to the same queue; capture it, pass it, or send it through another
///   threads   every member may be called concurrently from any thread of any process
///   ordering  items of one process arrive in the order in which it put them; what was written
///             before a put is seen after the get that brings the item
///   death     a process killed inside any member blocks nobody and tears nothing; at the most the
///             item that it was getting is lost
///
/// \code
///   multiprocessing::Queue<std::string> queue;
///   multiprocessing::Process child([queue] {
///     for (auto& line : queue) std::cout << line << '\n';  // until shutdown
///   });
///   child.start();
///   queue.put("hello");
///   queue.shutdown();
/// \endcode

#include <multiprocessing/detail/transferable.hpp>  // first: fewer lines in the compiler's messages

#include <multiprocessing/detail/joinable_queue.hpp>
#include <multiprocessing/detail/queue.hpp>
#include <multiprocessing/detail/simple_queue.hpp>
#include <multiprocessing/detail/vocabulary.hpp>
