<?php

require __DIR__ . '/../src/app.php';

header('Content-Type: application/json');
echo json_encode(['commit' => commit(), 'files' => array_map('basename', glob('/files/*'))]), "\n";
