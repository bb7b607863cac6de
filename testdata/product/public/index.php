<?php

require __DIR__ . '/../src/app.php';

try {
    $schema = schema(database());
} catch (PDOException $e) {
    error_log($e->getMessage());
    http_response_code(503);
    exit("the database does not answer\n");
}
if (parse_url($_SERVER['REQUEST_URI'] ?? '/status', PHP_URL_PATH) === '/status') {
    header('Content-Type: application/json');
    exit(json_encode(['text' => TEXT, 'commit' => commit(), 'schema' => $schema, 'data' => getenv('DATA')]) . "\n");
}
?>
<!doctype html>
<meta charset="utf-8">
<title>Acme</title>
<link rel="stylesheet" href="/style.css">
<h1><?= htmlspecialchars(TEXT) ?></h1>
<p>commit <?= commit() ?>, schema <?= $schema ?></p>
