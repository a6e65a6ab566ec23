// The worker as the server runs it: a real loop, the committer's own thread, real sockets, and a stop from outside.
#include <rocksdb/env.h>

#include <condition_variable>
#include <mutex>

#include "net/io_loop.h"
#include "relay/test_world.h"
#include "store/rocksdb_store.h"

namespace pabal::relay {
namespace {

// Takes everything, from any thread; wakes who waits for a number of messages.
struct Mailman {
  std::mutex mutex;
  std::condition_variable came;
  size_t count = 0;
  void take() {
    std::lock_guard lock(mutex);
    ++count;
    came.notify_all();
  }
  bool wait_for(size_t n) {
    std::unique_lock lock(mutex);
    return came.wait_for(lock, std::chrono::seconds(60), [&] { return count >= n; });
  }
};
class TakesAll final : public smtp::ServerPolicy {
 public:
  explicit TakesAll(Mailman& mailman) : mailman_(mailman) {}
  Task<smtp::Reply> on_connect(smtp::ClientInfo) override { co_return smtp::Reply{220, "", "ready"}; }
  Task<smtp::Reply> on_mail(smtp::ClientInfo, smtp::MailParams) override { co_return smtp::Reply{250, "2.1.0", "Ok"}; }
  Task<smtp::Reply> on_rcpt(smtp::ClientInfo, smtp::RcptParams) override { co_return smtp::Reply{250, "2.1.5", "Ok"}; }
  Task<std::vector<smtp::Reply>> on_message(smtp::ClientInfo, std::string) override {
    mailman_.take();
    co_return std::vector<smtp::Reply>(1, smtp::Reply{250, "2.0.0", "Ok"});
  }

 private:
  Mailman& mailman_;
};

TEST(OutboundThreads, DeliversBesideACommitterAndStopsInTheMiddle) {
  std::unique_ptr<rocksdb::Env> env(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  SystemClock clock;
  store::RocksOptions where;
  where.path = "/relay";
  where.env = env.get();
  auto opened = store::open_rocksdb(where, clock);
  ASSERT_TRUE(opened) << opened.error().message;
  store::Store& store = **opened;
  SystemRandom random;
  IdSource ids(clock, random);
  identity::Directory directory(store, clock, random);
  mailbox::Mailboxes mailboxes(store, clock);
  queue::Queue queue(store);
  watch::Trace trace(store);
  dns::ZoneResolver zones;
  ASSERT_TRUE(zones.load("univ.edu", "@ MX 10 mx\nmx A 127.0.0.1\n"));
  test::LocalUsers local(store, directory, mailboxes);
  const auto pool = net::make_pool(1, 100);
  Mailman mailman;

  const auto letter = mailbox::prepare(test::kLetter);
  const auto add = [&] {
    queue::Entry e;
    e.id = ids.next();
    e.reverse_path = "alice@example.com";
    e.body = mailboxes.new_body_id();
    e.created = clock.now();
    e.expires = e.created + days(5);
    queue::Recipient r;
    r.address = "bob@univ.edu";
    r.next_attempt = e.created;
    e.recipients.push_back(r);
    const auto done = store.transact_and_wait([&](store::Transaction& t) -> Result<void> {
      if (const auto put = mailboxes.put_body(t, e.body, *letter); !put) return put;
      if (const auto held = mailboxes.hold_body(t, e.body); !held) return held;
      return queue.add(t, e);
    });
    ASSERT_TRUE(done);
  };
  size_t delivered = 0;
  for (int round = 0; round < 3; ++round) {
    net::IoLoops loops(2);
    auto listener = loops.network().listen({{"127.0.0.1", 0}}, [&](std::unique_ptr<net::Stream> stream) {
      net::Loop& loop = stream->loop();
      smtp::ServerOptions o;
      o.hostname = "mx.univ.edu";
      loop.spawn(smtp::serve(std::move(stream), o, std::make_shared<TakesAll>(mailman),
                             std::make_shared<smtp::MemoryBudget>(1 << 28)));
    });
    ASSERT_TRUE(listener) << listener.error().message;
    OutboundOptions options;
    options.hostname = "mail.example.com";
    options.port = (*listener)->local().port;
    Outbound outbound(loops.loop(0),
                      {store, mailboxes, local, queue, trace, zones, loops.network(), *pool, ids, random}, options);
    outbound.start();
    for (int i = 0; i < 40; ++i) add();
    delivered += 20;
    EXPECT_TRUE(mailman.wait_for(delivered));
    outbound.stop();  // with some on their way
    listener->reset();
    loops.stop();
    const auto left = queue.list(store, "", 0, 1000);
    ASSERT_TRUE(left);
    std::lock_guard lock(mailman.mutex);
    delivered = mailman.count;
    EXPECT_GE(mailman.count + left->size(), 40u * static_cast<size_t>(round + 1)) << "nothing is lost";
  }
}

}  // namespace
}  // namespace pabal::relay
