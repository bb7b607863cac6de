<?php

const TEXT = 'Welcome to Acme';

function commit(): string
{
    return trim(@file_get_contents(__DIR__ . '/../REVISION') ?: 'working directory');
}

function database(): PDO
{
    $dsn = sprintf('mysql:host=%s;dbname=%s_%s', getenv('DB_HOST'), getenv('DB_NAME'), getenv('DATA'));
    return new PDO($dsn, getenv('DB_USER'), getenv('DB_PASSWORD'), [PDO::ATTR_TIMEOUT => 3]);
}

function schema(PDO $database): string
{
    return $database->query('SELECT MAX(version) FROM schema_migrations')->fetchColumn() ?: 'none';
}
