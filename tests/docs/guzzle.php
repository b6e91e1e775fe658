<?php
// Guzzle itself where Debian's package is installed; else just as much of it as docs/api.md shows, over PHP's streams.

namespace {
    if (is_readable('/usr/share/php/GuzzleHttp/autoload.php')) {
        require '/usr/share/php/GuzzleHttp/autoload.php';
    }
}

namespace GuzzleHttp\Exception {
    if (!class_exists('GuzzleHttp\Exception\TransferException')) {
        class TransferException extends \RuntimeException {}
    }
}

namespace GuzzleHttp {
    if (!class_exists('GuzzleHttp\Client')) {
        class Client
        {
            public function __construct(private array $about) {}

            public function post(string $path, array $what): object
            {
                $headers = $this->about['headers'] + $what['headers'] + ['Content-Type' => 'application/json'];
                $lines = array_map(fn($name) => "$name: {$headers[$name]}", array_keys($headers));
                $http = ['method' => 'POST', 'header' => $lines, 'content' => json_encode($what['json'])];
                $http += ['ignore_errors' => !$this->about['http_errors'], 'timeout' => 60.0];
                $context = stream_context_create(['http' => $http]);
                $body = @file_get_contents($this->about['base_uri'] . $path, false, $context);
                if ($body === false) {
                    throw new Exception\TransferException('No answer came.');
                }
                return new class ($body, $http_response_header) {
                    public function __construct(private string $body, private array $lines) {}

                    public function getStatusCode(): int
                    {
                        return (int) explode(' ', $this->lines[0])[1];
                    }

                    public function getHeaderLine(string $name): string
                    {
                        $found = preg_grep("/^$name: /i", $this->lines) ?: [': '];
                        return explode(': ', current($found), 2)[1];
                    }

                    public function getBody(): string
                    {
                        return $this->body;
                    }
                };
            }
        }
    }
}
