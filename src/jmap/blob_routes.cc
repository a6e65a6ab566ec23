// Uploads and downloads (RFC 8620 §6.1, §6.2).
#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/dispatch.h"

namespace pabal::jmap {
namespace {

// RFC 8187: the name in UTF-8, and for old programs in ASCII.
std::string attachment(std::string_view name) {
  std::string coded, plain;
  for (const char c : name) {
    const auto octet = static_cast<unsigned char>(c);
    const bool good = text::is_alnum(c) || c == '-' || c == '_' || c == '.';
    coded += good ? std::string(1, c) : "%" + text::uppered(text::hex(std::string_view(&c, 1)));
    plain += good || c == ' ' ? c : '_';
    if (octet >= 0x80) plain.back() = '_';
  }
  return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + coded;
}

web::Response refused(const Jmap::Reply& reply) {
  return web::with_body("application/problem+json", api::to_text(json::value(reply.body)), reply.status);
}

Result<std::optional<Account>> account_of(const Services& services, const api::Caller& caller, std::string id) {
  const auto snapshot = services.store.snapshot();
  const auto all = accounts_of(services, *snapshot, caller);
  if (!all) return all.error();
  const auto found = all->find(id);
  return found == all->end() ? std::optional<Account>() : found->second;
}

}  // namespace

void BlobRoutes::add_to(web::Router& router) {
  // The session's limit is told in the answer, so it is kept here and not by the route.
  router.add("POST", "/jmap/upload/{accountId}/", [this](web::Request r) { return upload(std::move(r)); },
             {SIZE_MAX, true});
  router.add("GET", "/jmap/download/{accountId}/{blobId}/{name}",
             [this](web::Request r) { return download(std::move(r)); });
}

Task<Result<void>> BlobRoutes::commit(net::Loop& loop, store::Work work) {
  std::function<void(std::function<void(Result<void>)>)> start = [this, &work](std::function<void(Result<void>)> done) {
    services_.store.transact(std::move(work), std::move(done));
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop, start);
  co_return co_await committing;
}

Task<web::Response> BlobRoutes::upload(web::Request request) {
  std::vector<std::string_view> needs(kUploadNeeds.begin(), kUploadNeeds.end());
  Task<api::Admission> admitting = services_.callers.admit(request, std::move(needs));
  const api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  const auto account = account_of(services_, *admission.caller, request.params["accountId"]);
  if (!account) co_return web::problem(503, account.error().message);
  if (!*account) co_return web::problem(404, "there is no such account");
  struct Place {
    BlobRoutes& routes;
    mailbox::AccountId id;
    ~Place() {
      std::lock_guard lock(routes.mutex_);
      if (--routes.under_way_[id] == 0) routes.under_way_.erase(id);
    }
  };
  size_t together = 0;
  {
    std::lock_guard lock(mutex_);
    together = ++under_way_[(*account)->caller];
  }
  const Place place{*this, (*account)->caller};
  if (together > kMaxConcurrentUpload)
    co_return refused(problem(429, "limit", "too many uploads at once", "maxConcurrentUpload"));
  Task<web::Response> receiving = receive(std::move(request), **account);
  co_return co_await receiving;
}

Task<web::Response> BlobRoutes::receive(web::Request request, const Account& account) {
  const std::string id = new_upload_id(services_.random);
  const Time now = services_.clock.now();
  const std::string* given = request.headers.get("content-type");
  const std::string type = safe_type(given ? *given : "");
  std::string piece;
  uint64_t size = 0;
  uint32_t number = 0;
  // Pieces go to the store as they come: an upload holds one of them in memory. Those of an upload that breaks expire.
  for (bool ended = false; !ended;) {
    Task<Result<std::string>> reading = request.stream->next();
    const Result<std::string> some = co_await reading;
    if (!some) co_return web::problem(400, some.error().message);
    ended = some->empty();
    size += some->size();
    piece += *some;
    if (size > services_.max_message_size)
      co_return refused(problem(413, "limit", "the upload is larger than the server takes", "maxSizeUpload"));
    while (piece.size() >= kUploadPiece || (ended && !piece.empty())) {
      store::Work put = [&](store::Transaction& t) -> Result<void> {
        put_piece(t, account.caller, id, number, std::string_view(piece).substr(0, kUploadPiece), now);
        return {};
      };
      Task<Result<void>> committing = commit(*request.loop, put);
      const Result<void> done = co_await committing;
      if (!done) co_return web::problem(503, done.error().message);
      ++number;
      piece.erase(0, kUploadPiece);
    }
  }
  store::Work finish = [&](store::Transaction& t) { return put_upload(t, account.caller, id, type, size, now); };
  Task<Result<void>> committing = commit(*request.loop, finish);
  const Result<void> done = co_await committing;
  if (!done && done.code() == Code::kLimit)
    co_return refused(problem(429, "limit", done.error().message, "maxSizeUpload"));
  if (!done) co_return web::problem(503, done.error().message);
  json::object out;
  out["accountId"] = account_id(account.id);
  out["blobId"] = id;
  out["type"] = type;
  out["size"] = size;
  web::Response response = web::with_body("application/json", api::to_text(json::value(std::move(out))), 201);
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

Task<web::Response> BlobRoutes::download(web::Request request) {
  Task<api::Admission> admitting = services_.callers.admit(request, identity::kMailRead);
  const api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  std::function<Result<std::optional<Blob>>()> read = [&]() -> Result<std::optional<Blob>> {
    const auto account = account_of(services_, *admission.caller, request.params["accountId"]);
    if (!account) return account.error();
    if (!*account) return std::optional<Blob>();
    const auto snapshot = services_.store.snapshot();
    return read_blob(services_, *snapshot, **account, request.params["blobId"]);
  };
  Task<Result<std::optional<Blob>>> reading = net::run_on<std::optional<Blob>>(services_.pool, *request.loop, read);
  Result<std::optional<Blob>> blob = co_await reading;
  if (!blob) co_return web::problem(503, blob.error().message);
  if (!*blob) co_return web::problem(404, "there is no such blob");
  const std::string* accept = request.query_value("accept");
  web::Response response =
      web::with_body(safe_type(accept && !accept->empty() ? *accept : (*blob)->type), std::move((*blob)->octets));
  // What strangers wrote must not run on our origin: it is a file to keep, and where a browser shows it all the same,
  // it has no scripts, no origin and no type but the one named.
  response.headers.set("Content-Disposition", attachment(request.params["name"]));
  response.headers.set("Content-Security-Policy", "sandbox; default-src 'none'");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Cache-Control", "private, immutable, max-age=31536000");
  co_return response;
}

}  // namespace pabal::jmap
