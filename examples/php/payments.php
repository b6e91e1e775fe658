<?php
// Payments in PHP: the participant of the order saga, with a barrier of one table. See docs/participants.md.
//
//     PAYMENTS_DB=payments.sqlite3 TOKEN=shop-token php -S 127.0.0.1:9101 examples/php/payments.php

declare(strict_types=1);

const TABLES = <<<'SQL'
    CREATE TABLE IF NOT EXISTS saga_keys (
        key TEXT PRIMARY KEY, closed_by TEXT NOT NULL DEFAULT '', answer TEXT, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE IF NOT EXISTS charges (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, account TEXT NOT NULL, amount INTEGER NOT NULL,
        refunded INTEGER NOT NULL DEFAULT 0
    );
    SQL;

/** A no in our own words: the saga goes back. Without this media type a 404 would be taken for a wrong address. */
final class Refused extends Exception
{
    public function __construct(public readonly int $status, public readonly string $title)
    {
        parent::__construct($title);
    }
}

/** Take the money once per key, however often the request comes, and never after it was given back. */
function charge(PDO $db, string $key, array $wanted): array
{
    $first = $db->prepare('INSERT INTO saga_keys (key) VALUES (?) ON CONFLICT DO NOTHING');
    $first->execute([$key]);
    if ($first->rowCount() === 0) {
        $row = one($db, 'SELECT closed_by, answer FROM saga_keys WHERE key = ?', $key);
        if ($row['closed_by'] !== '') {
            throw new Refused(410, "The charge $key came after its refund and is not made.");
        }
        return json_decode($row['answer'], true);
    }
    $amount = $wanted['amount'] ?? 0;
    if (!is_int($amount) || $amount <= 0) {
        throw new Refused(422, 'The amount must be a whole number above 0.');
    }
    $db->prepare('INSERT INTO charges (key, account, amount) VALUES (?, ?, ?)')
        ->execute([$key, $wanted['user_id'] ?? '', $amount]);
    $answer = ['charge_id' => (int) $db->lastInsertId(), 'amount' => $amount];
    $db->prepare('UPDATE saga_keys SET answer = ? WHERE key = ?')->execute([json_encode($answer), $key]);
    return $answer;
}

/** Give it back once; if there was no charge under that key, see to it that there never will be. */
function refund(PDO $db, string $key, string $actionKey): array
{
    $keepOut = $db->prepare('INSERT INTO saga_keys (key, closed_by) VALUES (?, ?) ON CONFLICT DO NOTHING');
    $keepOut->execute([$actionKey, $key]);
    if ($keepOut->rowCount() === 1) {
        return ['refunded' => 0];
    }
    $close = $db->prepare("UPDATE saga_keys SET closed_by = ? WHERE key = ? AND closed_by = ''");
    $close->execute([$key, $actionKey]);
    if ($close->rowCount() === 1) {
        $db->prepare('UPDATE charges SET refunded = 1 WHERE key = ?')->execute([$actionKey]);
    }
    return ['refunded' => one($db, 'SELECT amount FROM charges WHERE key = ?', $actionKey)['amount'] ?? 0];
}

/** For a saga that lost the answer: was a charge made under this key? */
function chargeByKey(PDO $db, string $key): array
{
    $row = one($db, 'SELECT id, amount FROM charges WHERE key = ?', $key);
    if ($row === null) {
        throw new Refused(404, 'No charge was made under this key so far.');
    }
    return ['charge_id' => $row['id'], 'amount' => $row['amount']];
}

/** The bank has settled it: tell the saga at the address that it gave us. What is lost may be sent again. */
function settle(string $address, int $charge): void
{
    $body = json_encode(['charge_id' => $charge, 'status' => 'settled']);
    $options = ['method' => 'POST', 'header' => 'Content-Type: application/json', 'content' => $body, 'timeout' => 10];
    @file_get_contents($address, false, stream_context_create(['http' => $options]));
}

/** One transaction for the key and the effect. A refusal takes the key back, too: the request may come again. */
function transaction(PDO $db, callable $work): array
{
    $db->exec('BEGIN IMMEDIATE');
    try {
        $said = $work();
        $db->exec('COMMIT');
        return $said;
    } catch (Throwable $error) {
        $db->exec('ROLLBACK');
        throw $error;
    }
}

function one(PDO $db, string $question, string $key): ?array
{
    $rows = $db->prepare($question);
    $rows->execute([$key]);
    return $rows->fetch(PDO::FETCH_ASSOC) ?: null;
}

function header_of(string $name): string
{
    $value = $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? '';
    if ($value === '' || strlen($value) > 255) {
        throw new Refused(400, "Send the header $name with 1 to 255 characters.");
    }
    return $value;
}

function answer(int $status, array $body, string $type = 'application/json'): void
{
    http_response_code($status);
    header("Content-Type: $type");
    echo json_encode($body, JSON_UNESCAPED_SLASHES);
}

function serve(PDO $db): void
{
    if (!hash_equals('Bearer ' . getenv('TOKEN'), $_SERVER['HTTP_AUTHORIZATION'] ?? '')) {
        throw new Refused(401, "Send the service's token.");
    }
    $path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
    $wanted = json_decode(file_get_contents('php://input'), true) ?? [];
    [$status, $said] = transaction($db, fn() => match (true) {
        $path === '/charges' => [201, charge($db, header_of('Idempotency-Key'), $wanted)],
        $path === '/refunds' => [200, refund($db, header_of('Idempotency-Key'), header_of('Saga-Action-Key'))],
        str_starts_with($path, '/charges/by-key/') => [200, chargeByKey($db, rawurldecode(substr($path, 16)))],
        default => throw new Refused(404, "There is nothing at $path."),
    });
    if ($status === 201 && !empty($wanted['callback'])) {
        settle($wanted['callback'], $said['charge_id']);
    }
    answer($status, $said);
}

$db = new PDO('sqlite:' . getenv('PAYMENTS_DB'), null, null, [PDO::ATTR_TIMEOUT => 10]);
$db->exec(TABLES);
try {
    serve($db);
} catch (Refused $no) {
    answer($no->status, ['title' => $no->title, 'status' => $no->status], 'application/problem+json');
}
